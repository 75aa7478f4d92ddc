/* Handoff: see batches.h for what, layout.h for where.
 *
 * Batch q has its marks in marks[q % 3] and its record in batches[q % 3]; the
 * batch before it stands in the next lower ones, so three of each hold the last
 * acknowledged batch and two open ones. A slot beyond the `used` of a batch, or
 * of another epoch, was not there when it was taken: its mark there counts as 0,
 * whatever the memory says, and need not be written.
 *
 * Taking goes in steps of a few thousand slots, each under the lock, so no other
 * process waits long. Each caller, after a crash or at the same time, makes the
 * next step; marks may be written twice before the batch is open. The store of
 * `taken` opens it.
 *
 * A song that left (left.h) is in batches until they have its last play. If it is
 * played again meanwhile, it stands in another slot: that one's plays wait for the
 * batch after, so that no batch has a song twice.
 */
#include "shm/zone/batches.h"

#include <time.h>

#include "apr_time.h"

#include "shm/zone/left.h"
#include "shm/zone/lock.h"
#include "shm/zone/ring.h"
#include "shm/zone/slots.h"
#include "shm/zone/sync.h"

#define STEP 4096 /* slots */
#define PAUSE 100 /* microseconds */

static uint64_t load(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_acquire);
}

static batch_record *record(const playcount_zone *z, uint64_t sequence)
{
    return &z->head->batches[sequence % 3];
}

/* How many slots of `b` have a mark in the batch before `sequence`. */
static uint64_t covered_before(const playcount_zone *z, uint64_t sequence,
                               const batch_record *b)
{
    const batch_record *before = record(z, sequence - 1);

    return sequence > 1 && before->epoch == b->epoch ? before->used : 0;
}

static void describe(const playcount_zone *z, uint64_t sequence,
                     playcount_batch *batch)
{
    const batch_record *b = record(z, sequence);

    batch->number = b->number;
    batch->previous = b->previous;
    batch->songs = b->songs;
    batch->plays = b->plays;
    batch->time = b->time;
    batch->at_open = (int)b->at_open;
    batch->since = b->since;
    batch->opened = b->opened;
    batch->now_open = z->head->opened;
    batch->sequence = sequence;
}

/* The number of a batch must be on the disk before it is told to anyone: otherwise
 * it could be given again, to other plays. */
static apr_status_t make_durable(playcount_zone *z)
{
    uint64_t taken = load(&z->head->taken);
    apr_status_t rv;

    if (load(&z->head->durable) >= taken) {
        return APR_SUCCESS;
    }
    if ((rv = playcount_zone_sync_header(z)) == APR_SUCCESS) {
        atomic_store_explicit(&z->head->durable, taken, memory_order_release);
    }
    return rv;
}

/* Without the lock: the record of an open batch does not change until the batch is
 * acknowledged. */
apr_status_t playcount_batch_get(playcount_zone *z, playcount_batch *batch)
{
    uint64_t acked;

    do {
        acked = load(&z->head->acked);
        if (load(&z->head->taken) <= acked) {
            return APR_NOTFOUND;
        }
        describe(z, acked + 1, batch);
    } while (load(&z->head->acked) != acked);
    return make_durable(z);
}

/* --- taking --- */

static batch_progress *progress(const playcount_zone *z)
{
    return &z->head->progress[load(&z->head->progress_step) & 1];
}

static void set_progress(playcount_zone *z, batch_progress p)
{
    uint64_t step = load(&z->head->progress_step) + 1;

    z->head->progress[step & 1] = p;
    atomic_store_explicit(&z->head->progress_step, step, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

static void start_taking(playcount_zone *z, int at_open)
{
    uint64_t state = zone_state(z);
    batch_record *next = &z->head->next;

    next->time = 0;
    set_progress(z, (batch_progress){0, 0, 0});
    next->epoch = word_epoch(state);
    next->first = zone_first(z, next->epoch);
    next->used = state & STATE_USED;
    next->heap_end = z->head->heap_end;
    next->at_open = (uint64_t)at_open;
    next->number = load(&z->head->taken) + 1;
    z->head->next_generation = z->head->generation + 1;
    atomic_signal_fence(memory_order_seq_cst);
    next->time = (uint64_t)time(NULL);
}

/* Mark the next slots. 1 when all are marked. */
static int take_step(playcount_zone *z)
{
    uint64_t sequence = load(&z->head->taken) + 1;
    const batch_record *next = &z->head->next;
    batch_progress p = *progress(z);
    uint64_t end = p.slots + STEP < next->used ? p.slots + STEP : next->used;
    uint64_t covered = covered_before(z, sequence, next);
    _Atomic uint64_t *marks = z->marks[sequence % 3];
    _Atomic uint64_t *before = z->marks[(sequence - 1) % 3];
    left_twins twins;

    playcount_left_twins(z, &twins);
    for (; p.slots < end; p.slots++) {
        uint64_t place = ring_place(z, next->first, p.slots);
        uint64_t word = load(&z->slots[place].word);
        /* A hole has no plays, nor have its marks. */
        uint64_t count =
            word_epoch(word) == next->epoch ? word_value(z, place, word) : 0;
        uint64_t handed = p.slots < covered ? mark_plays(&before[place]) : 0;
        uint64_t held = twins.n && is_twin(&twins, place) ? MARK_HELD : 0;

        count = held ? handed : count;
        atomic_store_explicit(&marks[place], count | held, memory_order_relaxed);
        p.songs += count > handed;
        p.plays = count_sum(p.plays, count - handed);
    }
    set_progress(z, p);
    return p.slots == next->used;
}

/* Milliseconds since 1970, and not less than any number given before. */
static uint64_t now_as_number(const playcount_zone *z)
{
    uint64_t now = (uint64_t)apr_time_as_msec(apr_time_now());
    uint64_t taken = load(&z->head->taken);
    uint64_t last = taken ? record(z, taken)->number : 0;

    return now > last ? now : last;
}

static void open_batch(playcount_zone *z)
{
    zone_header *head = z->head;
    uint64_t sequence = load(&head->taken) + 1;
    uint64_t last = sequence > 1 ? record(z, sequence - 1)->number : 0;
    uint64_t now = now_as_number(z);
    batch_record *b = record(z, sequence);

    *b = head->next;
    b->since = head->clean;
    b->opened = head->opened;
    b->songs = progress(z)->songs;
    b->plays = progress(z)->plays;
    b->previous = last;
    b->number = now > last ? now : last + 1;
    head->batch_generation[sequence % 3] = head->next_generation;
    /* What stood before the ring for batches that are gone is free by now. */
    if (!playcount_batch_is_open(z)) {
        atomic_store_explicit(&head->ghosts[b->epoch & 1], 0, memory_order_release);
    }
    atomic_store_explicit(&head->taken, sequence, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    head->next.time = 0;
}

/* Take with at most `most` batches open; the lock is free between the steps. */
static apr_status_t take(playcount_zone *z, int at_open, uint64_t most)
{
    zone_header *head = z->head;
    uint64_t written = 0; /* progress_step whose marks are on the disk */

    for (;;) {
        apr_status_t rv = playcount_zone_lock(z);
        int whole;

        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (load(&head->taken) - load(&head->acked) >= most) {
            playcount_zone_unlock(z);
            return APR_SUCCESS;
        }
        /* What a taker left when it died may be open already, or acknowledged. */
        if (!head->next.time || head->next.number != load(&head->taken) + 1 ||
            head->next.epoch != word_epoch(zone_state(z))) {
            start_taking(z, at_open);
        }
        whole = progress(z)->slots == head->next.used || take_step(z);
        if (whole && !progress(z)->songs) {
            if (head->next.time > head->handed_time &&
                !playcount_batch_is_open(z)) {
                head->handed_time = head->next.time;
            }
            head->next.time = 0;
            playcount_zone_unlock(z);
            return APR_NOTFOUND;
        }
        if (whole && written == load(&head->progress_step)) {
            open_batch(z);
            playcount_zone_unlock(z);
            return APR_SUCCESS;
        }
        if (whole) {
            written = load(&head->progress_step);
        }
        playcount_zone_unlock(z);
        if (whole && (rv = playcount_zone_sync(z)) != APR_SUCCESS) {
            return rv;
        }
        if (!whole && !at_open) {
            /* Locks are not fair: give those that wait the time to wake up. */
            apr_sleep(PAUSE);
        }
    }
}

apr_status_t playcount_batch_take(playcount_zone *z, playcount_batch *batch)
{
    apr_status_t rv = take(z, 0, 1);

    return rv == APR_SUCCESS ? playcount_batch_get(z, batch) : rv;
}

apr_status_t playcount_batch_take_at_open(playcount_zone *z)
{
    apr_status_t rv;
    int room = load(&z->head->taken) - load(&z->head->acked) < 2;

    /* A taking that was not completed is forgotten: it has no number. */
    z->head->next.time = 0;
    z->head->opened = now_as_number(z);
    rv = take(z, 1, 2);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        return rv;
    }
    /* With two batches open there are no marks for a third. The plays since the
     * last opening then share a batch with those to come, which is as good,
     * unless the file is an older state: that would show as foreign. */
    if (room) {
        z->head->clean = z->head->opened;
    }
    return APR_SUCCESS;
}

playcount_batch_verdict_e playcount_batch_verdict(const playcount_batch *b,
                                                  uint64_t last)
{
    if (last == b->number) {
        return PLAYCOUNT_BATCH_IS_IN;
    }
    if (last <= b->previous) {
        return PLAYCOUNT_BATCH_ADD;
    }
    if (last > b->now_open) {
        return PLAYCOUNT_BATCH_FOREIGN;
    }
    if (last > b->number) {
        return PLAYCOUNT_BATCH_IS_IN;
    }
    if (last <= b->since) {
        return PLAYCOUNT_BATCH_ADD;
    }
    return b->at_open && last <= b->opened ? PLAYCOUNT_BATCH_SKIP
                                           : PLAYCOUNT_BATCH_FOREIGN;
}

/* --- acknowledging --- */

apr_status_t playcount_batch_acknowledge(playcount_zone *z, uint64_t number)
{
    zone_header *head = z->head;
    apr_status_t rv = playcount_zone_lock(z);
    uint64_t acked;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    acked = load(&head->acked);
    if (playcount_batch_is_open(z) && record(z, acked + 1)->number == number) {
        if (record(z, acked + 1)->time > head->handed_time) {
            head->handed_time = record(z, acked + 1)->time;
        }
        zone_set_op(z, OP_RELEASE);
        atomic_store_explicit(&head->acked, acked + 1, memory_order_release);
        playcount_left_release(z);
        zone_set_op(z, OP_NONE);
    }
    else if (!acked || record(z, acked)->number != number) {
        rv = APR_EMISMATCH;
    }
    playcount_zone_unlock(z);
    return rv;
}

/* --- reading --- */

void playcount_batch_begin(playcount_zone *z, const playcount_batch *batch,
                           playcount_batch_cursor *c)
{
    const batch_record *b = record(z, batch->sequence);

    c->sequence = batch->sequence;
    c->epoch = b->epoch;
    c->first = b->first;
    c->used = b->used;
    c->before = covered_before(z, batch->sequence, b);
    c->next = 0;
}

static int is_still_open(const playcount_zone *z, const playcount_batch_cursor *c)
{
    return load(&z->head->acked) < c->sequence && !playcount_zone_failed(z);
}

int playcount_batch_next(playcount_zone *z, playcount_batch_cursor *c,
                         playcount_song *song)
{
    const _Atomic uint64_t *marks = z->marks[c->sequence % 3];
    const _Atomic uint64_t *before = z->marks[(c->sequence - 1) % 3];

    while (c->next < c->used) {
        uint64_t at = c->next++;
        uint64_t place = ring_place(z, c->first, at);
        uint64_t count = mark_plays(&marks[place]);

        count -= at < c->before ? mark_plays(&before[place]) : 0;
        if (!count) {
            continue;
        }
        song->length = playcount_slot_id(z, place, song->id);
        song->count = count;
        /* Nothing writes to the batch's slots and marks until it is acknowledged:
         * if it is still open after the reading, what was read is the batch. */
        return is_still_open(z, c) ? 1 : -1;
    }
    return is_still_open(z, c) ? 0 : -1;
}

/* 1 if there are plays that the last batch does not hold. Reads without the lock: a
 * batch that is taken meanwhile makes the answer out of date, nothing worse. */
static int has_plays_since(const playcount_zone *z, uint64_t taken)
{
    uint64_t state = zone_state(z), epoch = word_epoch(state);
    const batch_record *last = record(z, taken);
    uint64_t covered = last->epoch == epoch ? last->used : 0;
    uint64_t first = zone_first(z, epoch);

    for (uint64_t n = 0; n < (state & STATE_USED); n++) {
        uint64_t place = ring_place(z, first, n);
        uint64_t word = load(&z->slots[place].word);
        uint64_t handed = n < covered ? mark_plays(&z->marks[taken % 3][place]) : 0;

        if (word_epoch(word) == epoch && word_value(z, place, word) > handed) {
            return 1;
        }
    }
    return 0;
}

/* What the records say, if none of them changes meanwhile. */
static uint64_t read_use(const playcount_zone *z, playcount_handoff_use *use)
{
    uint64_t acked = load(&z->head->acked), taken = load(&z->head->taken);

    use->batches = acked;
    use->open = taken > acked ? taken - acked : 0;
    use->number = use->open ? record(z, acked + 1)->number : 0;
    use->plays = 0;
    for (uint64_t q = acked + 1; q <= taken; q++) {
        use->plays = count_sum(use->plays, record(z, q)->plays);
    }
    use->handed_time = z->head->handed_time;
    if (!use->handed_time && use->open) {
        use->handed_time = record(z, acked + 1)->time;
    }
    return taken;
}

static void read_why(const playcount_zone *z, playcount_handoff_use *use)
{
    for (size_t i = 0; i < sizeof(use->why) / sizeof(uint64_t); i++) {
        uint64_t word = use->failing ? load(&z->head->why[i]) : 0;

        memcpy(use->why + i * sizeof(word), &word, sizeof(word));
    }
    use->why[PLAYCOUNT_WHY_MAX] = '\0';
}

apr_status_t playcount_handoff_usage(playcount_zone *z, playcount_handoff_use *use)
{
    uint64_t taken;

    do {
        taken = read_use(z, use);
    } while (load(&z->head->acked) != use->batches ||
             load(&z->head->taken) != taken);
    use->failures = load(&z->head->failures);
    use->failing = load(&z->head->failing);
    use->refused_songs = load(&z->head->refused_songs);
    use->refused_plays = load(&z->head->refused_plays);
    use->waiting = taken && !use->open && has_plays_since(z, taken);
    read_why(z, use);
    return APR_SUCCESS;
}

/* Nothing else depends on these two, so they need no order. */
uint64_t playcount_handoff_report(playcount_zone *z, uint64_t failing)
{
    if (failing) {
        atomic_fetch_add_explicit(&z->head->failures, 1, memory_order_relaxed);
    }
    return atomic_exchange_explicit(&z->head->failing, failing,
                                    memory_order_relaxed);
}

void playcount_handoff_explain(playcount_zone *z, const char *why)
{
    char text[PLAYCOUNT_WHY_MAX + 1] = "";

    for (size_t i = 0; i < PLAYCOUNT_WHY_MAX && why[i]; i++) {
        unsigned char c = (unsigned char)why[i];

        text[i] = c < ' ' || c == 127 ? ' ' : why[i];
    }
    for (size_t i = 0; i < sizeof(text) / sizeof(uint64_t); i++) {
        uint64_t word;

        memcpy(&word, text + i * sizeof(word), sizeof(word));
        atomic_store_explicit(&z->head->why[i], word, memory_order_relaxed);
    }
}

void playcount_handoff_refused(playcount_zone *z, uint64_t songs, uint64_t plays)
{
    atomic_store_explicit(&z->head->refused_songs, songs, memory_order_relaxed);
    atomic_store_explicit(&z->head->refused_plays, plays, memory_order_relaxed);
}

int playcount_handoff_has_refused(const playcount_zone *z)
{
    return load(&z->head->refused_songs) != 0;
}
