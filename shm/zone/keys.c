/* Idempotency keys: see keys.h.
 *
 * The keys stand in a ring of K cells, the oldest giving way to the newest, and
 * are found through an index of K chain heads. All of it changes under the lock
 * only, for a few dozen instructions. The cells are the truth: if a process dies
 * while it links one, its successor builds the index anew from them.
 */
#include "shm/zone/keys.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "shm/zone/hash.h"

#include "shm/zone/layout.h"

/* A request that has not been answered after so long has lost its claim. */
#define CLAIM_SECONDS 300

playcount_key playcount_key_hash(const playcount_zone *z, const char *key,
                                 apr_size_t length)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(key, length, z->seed);

    return (playcount_key){{h.low64, h.high64}};
}

uint64_t playcount_key_fingerprint(uint64_t fingerprint, const char *part,
                                   apr_size_t length)
{
    return XXH3_64bits_withSeed(part, length, fingerprint);
}

static key_state state_of(const key_cell *c)
{
    return atomic_load_explicit(&c->state, memory_order_acquire);
}

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

static key_cell *find(const playcount_zone *z, const playcount_key *key)
{
    uint32_t at = *chain_of(z, key->id);

    while (at) {
        key_cell *c = &z->keys[at - 1];

        if (c->id[0] == key->id[0] && c->id[1] == key->id[1] &&
            state_of(c) != KEY_FREE) {
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

/* Take a key out: from the index first, so that no chain leads to it. */
static void forget(playcount_zone *z, key_cell *c)
{
    if (state_of(c) != KEY_FREE) {
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

        if (state_of(c) != KEY_FREE) {
            chain_in(z, c);
        }
    }
}

/* The header may be older than the keys: then it follows them. */
void playcount_keys_recover(playcount_zone *z)
{
    zone_header *head = z->head;

    for (uint64_t i = 0; i < head->keys; i++) {
        key_cell *c = &z->keys[i];

        if (state_of(c) == KEY_FREE) {
            continue;
        }
        if (state_of(c) != KEY_ANSWERED || c->claim % head->keys != i ||
            c->counts > PLAYCOUNT_BATCH_MAX) {
            set_state(c, KEY_FREE);
            continue;
        }
        if (c->claim > head->keys_end) {
            head->keys_end = c->claim;
        }
        if (c->counts > 1 && c->answer + c->counts > head->answers_end &&
            c->answer < UINT64_MAX / 2) {
            head->answers_end = c->answer + c->counts;
        }
    }
    playcount_keys_rebuild(z);
}

/* The oldest key's cell, free, for the next claim. */
static key_cell *new_cell(playcount_zone *z, const playcount_key *key, uint64_t now)
{
    uint64_t claim = z->head->keys_end + 1;
    key_cell *c = cell_of(z, claim);

    forget(z, c);
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

static int is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

/* Does this cell still stand in the way of a new claim? */
static apr_status_t standing(const key_cell *c, uint64_t now, uint64_t ttl)
{
    uint64_t age = now > c->time ? now - c->time : 0;

    if (state_of(c) == KEY_ANSWERED) {
        return age > ttl ? APR_SUCCESS : APR_EEXIST;
    }
    return age > CLAIM_SECONDS || is_gone((pid_t)c->owner) ? APR_SUCCESS
                                                           : APR_EBUSY;
}

apr_status_t playcount_key_claim(playcount_zone *z, const playcount_key *key,
                                 uint64_t now, uint64_t ttl, playcount_claim *claim)
{
    apr_status_t rv;
    key_cell *c;

    if (!z->head->keys) {
        return APR_ENOTIMPL;
    }
    if ((rv = playcount_zone_lock(z)) != APR_SUCCESS) {
        return rv;
    }
    c = find(z, key);
    if (c && (rv = standing(c, now, ttl)) == APR_SUCCESS) {
        forget(z, c);
    }
    if (rv == APR_SUCCESS) {
        claim->number = new_cell(z, key, now)->claim;
        claim->fingerprint = 0;
    }
    playcount_zone_unlock(z);
    return rv;
}

int playcount_key_is_ours(const playcount_zone *z, uint64_t claim)
{
    const key_cell *c = cell_of(z, claim);

    return c->claim == claim && state_of(c) == KEY_CLAIMED;
}

void playcount_key_release(playcount_zone *z, const playcount_claim *claim)
{
    if (claim->number && playcount_zone_lock(z) == APR_SUCCESS) {
        if (playcount_key_is_ours(z, claim->number)) {
            forget(z, cell_of(z, claim->number));
        }
        playcount_zone_unlock(z);
    }
}

/* The counts of an answer stand apart from their key: after a power loss they
 * may be older than it. */
static uint32_t answer_check(uint32_t check, uint64_t count)
{
    uint64_t parts[2] = {check, count};

    return (uint32_t)XXH3_64bits(parts, sizeof(parts));
}

/* The last step of a journal with a key; all of it may be done again. */
void playcount_keys_complete(playcount_zone *z)
{
    zone_header *head = z->head;
    key_cell *c = cell_of(z, head->op_key);

    if (!playcount_key_is_ours(z, head->op_key)) {
        return; /* done before its writer died */
    }
    c->fingerprint = head->op_fingerprint;
    c->counts = head->op_entries;
    c->answer = z->journal[0].count;
    if (head->op_entries > 1) {
        c->owner = 0;
        for (uint32_t i = 0; i < head->op_entries; i++) {
            z->answers[(head->op_answers + i) % head->answers] =
                z->journal[i].count;
            c->owner = answer_check(c->owner, z->journal[i].count);
        }
        head->answers_end = head->op_answers + head->op_entries;
        c->answer = head->op_answers;
    }
    set_state(c, KEY_ANSWERED);
}

apr_status_t playcount_key_recall(playcount_zone *z, const playcount_key *key,
                                  uint64_t fingerprint, uint64_t *counts,
                                  apr_size_t n)
{
    apr_status_t rv = playcount_zone_lock(z);
    const key_cell *c;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    c = z->head->keys ? find(z, key) : NULL;
    if (!c || state_of(c) != KEY_ANSWERED) {
        rv = APR_NOTFOUND;
    }
    else if (c->fingerprint != fingerprint || c->counts != n) {
        rv = APR_EMISMATCH;
    }
    else if (n == 1) {
        counts[0] = c->answer;
    }
    else if (z->head->answers_end - c->answer > z->head->answers) {
        rv = APR_INCOMPLETE;
    }
    else {
        uint32_t check = 0;

        for (apr_size_t i = 0; i < n; i++) {
            counts[i] = z->answers[(c->answer + i) % z->head->answers];
            check = answer_check(check, counts[i]);
        }
        if (check != c->owner) {
            rv = APR_INCOMPLETE;
        }
    }
    playcount_zone_unlock(z);
    return rv;
}

/* Into a zone of another size: the newest keys that fit, in their order. */
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

        if (old->claim != claim || state_of(old) != KEY_ANSWERED ||
            old->counts > PLAYCOUNT_BATCH_MAX) {
            continue;
        }
        c = new_cell(to, &key, old->time);
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
