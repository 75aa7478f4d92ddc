/* The ring of keys, its index and its answers: see key_cells.h. */

#include "shm/zone/key_cells.h"

#include <string.h>
#include <unistd.h>

#include "shm/zone/hash.h"

#define NUMBER_MAX (UINT64_MAX / 2) /* of claims and of answers */

static void set_state(key_cell *c, key_state state)
{
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&c->state, state, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

static uint32_t *chain_of(const playcount_zone *z, const uint64_t *id)
{
    return &z->key_index[(unsigned __int128)id[0] * z->head->keys >> 64];
}

static key_cell *cell_of(const playcount_zone *z, uint64_t claim)
{
    return &z->keys[claim % z->head->keys];
}

key_cell *playcount_key_cell(const playcount_zone *z, const playcount_key *key)
{
    uint32_t at = *chain_of(z, key->id);

    while (at) {
        key_cell *c = &z->keys[at - 1];

        if (c->id[0] == key->id[0] && c->id[1] == key->id[1] &&
            key_cell_state(c) != KEY_FREE) {
            return c;
        }
        at = c->next;
    }
    return NULL;
}

static void chain_in(playcount_zone *z, key_cell *c)
{
    uint32_t *head = chain_of(z, c->id);

    c->next = *head;
    *head = (uint32_t)(c - z->keys) + 1;
}

static void chain_out(playcount_zone *z, key_cell *c)
{
    uint32_t *at = chain_of(z, c->id);

    while (*at && *at != (uint32_t)(c - z->keys) + 1) {
        at = &z->keys[*at - 1].next;
    }
    if (*at) {
        *at = c->next;
    }
}

/* From the index first, so that no chain leads to it. */
void playcount_key_cell_free(playcount_zone *z, key_cell *c)
{
    if (key_cell_state(c) != KEY_FREE) {
        zone_set_op(z, OP_KEYS);
        chain_out(z, c);
        set_state(c, KEY_FREE);
        zone_set_op(z, OP_NONE);
    }
}

void playcount_keys_rebuild(playcount_zone *z)
{
    uint64_t end = z->head->keys_end;

    memset(z->key_index, 0, z->head->keys * sizeof(*z->key_index));
    /* The oldest first: the newest is found first. */
    for (uint64_t n = 1; n <= z->head->keys; n++) {
        key_cell *c = cell_of(z, end + n);

        if (key_cell_state(c) != KEY_FREE) {
            chain_in(z, c);
        }
    }
}

/* The header may be older than the keys: then it follows them. Numbers are given
 * one by one, so one that is beyond NUMBER_MAX is no number but damage. */
void playcount_keys_recover(playcount_zone *z)
{
    zone_header *head = z->head;

    if (head->keys_end > NUMBER_MAX) {
        head->keys_end = 0;
    }
    for (uint64_t i = 0; i < head->keys; i++) {
        key_cell *c = &z->keys[i];

        if (key_cell_state(c) == KEY_FREE) {
            continue;
        }
        if (key_cell_state(c) != KEY_ANSWERED || c->claim % head->keys != i ||
            c->claim > NUMBER_MAX || c->counts > PLAYCOUNT_BATCH_MAX) {
            set_state(c, KEY_FREE);
            continue;
        }
        if (c->claim > head->keys_end) {
            head->keys_end = c->claim;
        }
        if (c->counts > 1 && c->answer + c->counts > head->answers_end &&
            c->answer < NUMBER_MAX) {
            head->answers_end = c->answer + c->counts;
        }
    }
    playcount_keys_rebuild(z);
}

key_cell *playcount_key_cell_new(playcount_zone *z, const playcount_key *key,
                                 uint64_t now)
{
    uint64_t claim = z->head->keys_end + 1;
    key_cell *c = cell_of(z, claim);

    playcount_key_cell_free(z, c);
    c->id[0] = key->id[0];
    c->id[1] = key->id[1];
    c->fingerprint = 0;
    c->time = now;
    c->claim = claim;
    c->answer = 0;
    c->counts = 0;
    c->owner = (uint32_t)getpid();
    z->head->keys_end = claim;
    zone_set_op(z, OP_KEYS);
    set_state(c, KEY_CLAIMED);
    chain_in(z, c);
    zone_set_op(z, OP_NONE);
    return c;
}

key_cell *playcount_key_claimed(const playcount_zone *z, uint64_t claim)
{
    key_cell *c = cell_of(z, claim);

    return c->claim == claim && key_cell_state(c) == KEY_CLAIMED ? c : NULL;
}

uint32_t playcount_key_answer_check(uint32_t check, uint64_t count)
{
    uint64_t parts[2] = {check, count};

    return (uint32_t)XXH3_64bits(parts, sizeof(parts));
}

void playcount_keys_complete(playcount_zone *z)
{
    zone_header *head = z->head;
    key_cell *c = playcount_key_claimed(z, head->op_key);

    if (!c) {
        return; /* done before a crash */
    }
    c->fingerprint = head->op_fingerprint;
    c->counts = head->op_entries;
    c->answer = z->journal[0].shown;
    if (head->op_entries > 1) {
        c->owner = 0;
        for (uint32_t i = 0; i < head->op_entries; i++) {
            z->answers[(head->op_answers + i) % head->answers] =
                z->journal[i].shown;
            c->owner = playcount_key_answer_check(c->owner, z->journal[i].shown);
        }
        head->answers_end = head->op_answers + head->op_entries;
        c->answer = head->op_answers;
    }
    set_state(c, KEY_ANSWERED);
}

void playcount_keys_copy(playcount_zone *to, const playcount_zone *from)
{
    uint64_t end = from->head->keys_end;
    uint64_t n =
        from->head->keys < to->head->keys ? from->head->keys : to->head->keys;

    for (uint64_t claim = end > n ? end - n + 1 : 1; n && claim <= end; claim++) {
        const key_cell *old = cell_of(from, claim);
        playcount_key key = {{old->id[0], old->id[1]}};
        uint64_t kept =
            from->head->answers_end - old->answer <= from->head->answers;
        key_cell *c;

        if (old->claim != claim || key_cell_state(old) != KEY_ANSWERED ||
            old->counts > PLAYCOUNT_BATCH_MAX) {
            continue;
        }
        c = playcount_key_cell_new(to, &key, old->time);
        c->fingerprint = old->fingerprint;
        c->counts = old->counts;
        c->answer = old->answer;
        c->owner = old->owner;
        if (old->counts > 1) {
            /* An answer that is gone stays gone: its place is out of reach. */
            c->answer = to->head->answers_end - (kept ? 0 : to->head->answers + 1);
            for (uint32_t i = 0; kept && i < old->counts; i++) {
                to->answers[to->head->answers_end++ % to->head->answers] =
                    from->answers[(old->answer + i) % from->head->answers];
            }
        }
        set_state(c, KEY_ANSWERED);
    }
}
