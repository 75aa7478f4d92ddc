/* The zone as a writer: see writer.h. */
#include "shm/zone/writer.h"

#include <sys/random.h>

#include "apr_strings.h"
#include "apr_time.h"

#include "shm/zone/lock.h"
#include "shm/zone/lookup.h"
#include "shm/zone/ring.h"
#include "shm/zone/sync.h"

/* --- the record --- */

static uint64_t step_of(const playcount_zone *z)
{
    return atomic_load_explicit(&z->head->writer_step, memory_order_acquire);
}

/* Two records in turn: one that was read whole has not been written meanwhile if no
 * step was made. */
static writer_record read_record(const playcount_zone *z, uint64_t *step)
{
    writer_record r;

    do {
        *step = step_of(z);
        r = z->head->writers[*step & 1];
        atomic_thread_fence(memory_order_acquire);
    } while (step_of(z) != *step);
    return r;
}

/* Under the lock. A process that dies before the store has changed nothing. */
static void make_step(playcount_zone *z, const writer_record *r)
{
    uint64_t step = step_of(z) + 1;

    z->head->writers[step & 1] = *r;
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&z->head->writer_step, step, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

void playcount_writer_get(const playcount_zone *z, playcount_writer *w)
{
    writer_record r = read_record(z, &w->step);

    w->state = (playcount_writer_state)r.state;
    w->writer = r.writer;
    w->claim = r.claim;
    w->epoch = r.epoch;
    w->zone_epoch = r.zone_epoch;
    w->known = (int)r.known;
    w->old = r.old;
}

uint64_t playcount_writer_fence(const playcount_zone *z, const playcount_writer *w)
{
    uint64_t acked = atomic_load_explicit(&z->head->acked, memory_order_acquire);
    uint64_t number = acked ? z->head->batches[acked % 3].number : 0;

    return number > w->claim ? number : w->claim;
}

int playcount_writer_clear_is_due(const playcount_writer *w, uint64_t zone_epoch)
{
    return next_epoch(zone_epoch) == w->zone_epoch;
}

/* --- opening --- */

static uint64_t count_at(const playcount_zone *z, uint64_t place, uint64_t *epoch)
{
    uint64_t word =
        atomic_load_explicit(&z->slots[place].word, memory_order_acquire);
    uint64_t count = word_value(z, place, word);

    *epoch = word_epoch(word);
    return count < PLAYCOUNT_SHARE_MAX ? count : PLAYCOUNT_SHARE_MAX;
}

static void set_share(_Atomic uint64_t *at, uint64_t epoch, uint64_t plays)
{
    atomic_store_explicit(at, epoch << SHARE_SHIFT | plays, memory_order_release);
}

/* A random number that no writer has yet. */
static void get_number(uint64_t *number)
{
    if (getrandom(number, sizeof(*number), 0) != (ssize_t)sizeof(*number)) {
        *number = (uint64_t)apr_time_now(); /* no system does that */
    }
}

/* What the counts are now, into before[k]. Songs that come meanwhile are new. */
static void note_counts(playcount_zone *z, uint64_t k)
{
    playcount_cursor c;

    playcount_zone_begin(z, &c);
    for (uint64_t n = 0; n < c.used; n++) {
        uint64_t place = ring_place(z, c.first, n);
        uint64_t epoch, count = count_at(z, place, &epoch);

        if (epoch == c.epoch) {
            set_share(&z->before[k][place], epoch, count);
        }
    }
}

static int is_same_place(const writer_record *r, const playcount_writer_place *p)
{
    return r->device == p->device && r->inode == p->inode && r->node == p->node;
}

/* Milliseconds since 1970, and more than at any opening before. */
static uint64_t next_claim(const playcount_zone *z, const writer_record *r)
{
    uint64_t now = (uint64_t)apr_time_as_msec(apr_time_now());
    uint64_t taken = atomic_load(&z->head->taken);
    uint64_t last = taken ? z->head->batches[taken % 3].number : 0;

    last = r->claim > last ? r->claim : last;
    return now > last ? now : last + 1;
}

static void fork_off(writer_record *r, const void *to)
{
    r->state = PLAYCOUNT_WRITER_PROVEN;
    r->known = 1;
    r->old = r->writer;
    r->writer = r->next;
    r->k = (r->k + 1) % 3;
}

/* A file that was opened before and never proven since keeps what was noted then:
 * nothing that came later has been told to the cluster. A copy forks at once. */
static void open_record(playcount_zone *z, writer_record *r,
                        const playcount_writer_place *place)
{
    int is_new = r->state == PLAYCOUNT_WRITER_NONE;
    int moved = !is_new && !is_same_place(r, place);

    if (r->state != PLAYCOUNT_WRITER_UNPROVEN || moved) {
        note_counts(z, (r->k + 1) % 3);
        get_number(&r->next);
        r->claim = next_claim(z, r);
    }
    if (is_new) {
        r->writer = z->head->identity;
        r->zone_epoch = word_epoch(zone_state(z));
    }
    r->state = PLAYCOUNT_WRITER_UNPROVEN;
    r->device = place->device;
    r->inode = place->inode;
    r->node = place->node;
    if (moved) {
        fork_off(r, NULL);
    }
}

apr_status_t playcount_writer_open(playcount_zone *z,
                                   const playcount_writer_place *place, int opened)
{
    apr_status_t rv;
    uint64_t last;
    writer_record r = read_record(z, &last);

    if (!opened && r.state != PLAYCOUNT_WRITER_NONE) {
        return APR_SUCCESS;
    }
    open_record(z, &r, place);
    /* What is noted is on the disk before the state says so. */
    if ((rv = playcount_zone_sync(z)) != APR_SUCCESS ||
        (rv = playcount_zone_lock(z)) != APR_SUCCESS) {
        return rv;
    }
    make_step(z, &r);
    rv = playcount_zone_sync_header(z);
    playcount_zone_unlock(z);
    return rv;
}

/* --- steps --- */

typedef void change(writer_record *r, const void *to);

static apr_status_t step(playcount_zone *z, const playcount_writer *w, change *how,
                         const void *to)
{
    apr_status_t rv = playcount_zone_lock(z);
    uint64_t now;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (step_of(z) == w->step) {
        writer_record r = read_record(z, &now);

        how(&r, to);
        make_step(z, &r);
        rv = playcount_zone_sync_header(z);
    }
    playcount_zone_unlock(z);
    return rv;
}

static void prove(writer_record *r, const void *to)
{
    r->state = PLAYCOUNT_WRITER_PROVEN;
    r->known = 1;
}

apr_status_t playcount_writer_prove(playcount_zone *z, const playcount_writer *w)
{
    return step(z, w, prove, NULL);
}

apr_status_t playcount_writer_fork(playcount_zone *z, const playcount_writer *w)
{
    return step(z, w, fork_off, NULL);
}

static void enter(writer_record *r, const void *to)
{
    const uint64_t *epochs = to;

    r->epoch = epochs[0];
    r->zone_epoch = epochs[1];
}

apr_status_t playcount_writer_enter(playcount_zone *z, const playcount_writer *w,
                                    uint64_t epoch, uint64_t zone_epoch)
{
    uint64_t epochs[] = {epoch, zone_epoch};

    return step(z, w, enter, epochs);
}

/* The step comes first: a process that dies between the two leaves a zone one epoch
 * behind its record, which the next one clears. A clear that came from here would
 * be one ahead. */
apr_status_t playcount_writer_clear(playcount_zone *z, const playcount_writer *w,
                                    uint64_t epoch)
{
    apr_status_t rv;

    if (word_epoch(zone_state(z)) != w->zone_epoch) {
        return APR_SUCCESS; /* it was cleared here meanwhile: that comes first */
    }
    rv = playcount_writer_enter(z, w, epoch, next_epoch(w->zone_epoch));
    if (rv == APR_SUCCESS && word_epoch(zone_state(z)) == w->zone_epoch) {
        rv = playcount_zone_clear(z);
    }
    return rv;
}

/* --- songs --- */

static void read_own(const playcount_zone *z, uint64_t place, uint64_t epoch,
                     playcount_own *own)
{
    uint64_t k = z->head->writers[step_of(z) & 1].k;
    uint64_t count = own->song.count < PLAYCOUNT_SHARE_MAX ? own->song.count
                                                           : PLAYCOUNT_SHARE_MAX;
    uint64_t begin = share_plays(&z->before[k][place], epoch);
    uint64_t noted = share_plays(&z->before[(k + 1) % 3][place], epoch);
    uint64_t old = share_plays(&z->before[(k + 2) % 3][place], epoch);

    own->own = count > begin ? count - begin : 0;
    own->noted = noted > begin ? noted - begin : 0;
    own->inherited = begin > old ? begin - old : 0;
}

int playcount_writer_next(playcount_zone *z, playcount_cursor *c,
                          playcount_own *own)
{
    if (!playcount_zone_next_local(z, c, &own->song)) {
        return word_epoch(zone_state(z)) == c->epoch ? 0 : -1;
    }
    read_own(z, ring_place(z, c->first, c->next - 1), c->epoch, own);
    return 1;
}

int playcount_writer_find(playcount_zone *z, const char *id, apr_size_t length,
                          playcount_own *own)
{
    song_key key = key_of(z, id, length);
    uint64_t epoch = word_epoch(zone_state(z));
    song_found found = find_song(z, epoch, &key);

    if (found.place == NO_PLACE) {
        return 0;
    }
    memcpy(own->song.id, id, length);
    own->song.length = length;
    own->song.count = word_value(z, found.place, found.word);
    read_own(z, found.place, epoch, own);
    return word_epoch(zone_state(z)) == epoch;
}

/* --- what others have --- */

uint64_t playcount_others_get(playcount_zone *z, const char *id, apr_size_t length)
{
    song_key key = key_of(z, id, length);
    uint64_t epoch = word_epoch(zone_state(z));
    uint64_t place = find_song(z, epoch, &key).place;

    return place == NO_PLACE ? 0 : share_plays(&z->others[place], epoch);
}

/* Never less than it was: what the cluster forgets in a failover comes back with
 * the next deliveries. */
static void raise_others(playcount_zone *z, uint64_t place, uint64_t epoch,
                         uint64_t plays)
{
    if (plays > share_plays(&z->others[place], epoch)) {
        set_share(&z->others[place], epoch, plays);
    }
}

/* `place` is NO_PLACE for a song that is new here. */
static apr_status_t note_others(playcount_zone *z, uint64_t zone_epoch,
                                uint64_t place, const char *id, apr_size_t length,
                                uint64_t plays)
{
    if (place == NO_PLACE) {
        song_key key = key_of(z, id, length);
        uint64_t count;
        apr_status_t rv = playcount_zone_add(z, id, length, 0, &count);

        if (rv != APR_SUCCESS) {
            return rv;
        }
        place = find_song(z, zone_epoch, &key).place;
    }
    if (place == NO_PLACE || word_epoch(zone_state(z)) != zone_epoch) {
        return APR_EAGAIN;
    }
    raise_others(z, place, zone_epoch,
                 plays < PLAYCOUNT_SHARE_MAX ? plays : PLAYCOUNT_SHARE_MAX);
    return APR_SUCCESS;
}

apr_status_t playcount_others_set(playcount_zone *z, uint64_t zone_epoch,
                                  const char *id, apr_size_t length, uint64_t total,
                                  uint64_t told)
{
    song_key key = key_of(z, id, length);
    uint64_t place = find_song(z, zone_epoch, &key).place;
    uint64_t before = 0;

    if (place != NO_PLACE) {
        before = share_plays(&z->before[z->head->writers[step_of(z) & 1].k][place],
                             zone_epoch);
    }
    if (total <= told || total - told <= before) {
        return APR_SUCCESS;
    }
    return note_others(z, zone_epoch, place, id, length, total - told - before);
}

apr_status_t playcount_others_at_least(playcount_zone *z, uint64_t zone_epoch,
                                       const char *id, apr_size_t length,
                                       uint64_t total)
{
    song_key key = key_of(z, id, length);
    song_found found = find_song(z, zone_epoch, &key);
    uint64_t count =
        found.place == NO_PLACE ? 0 : word_value(z, found.place, found.word);

    if (total <= count) {
        return word_epoch(zone_state(z)) == zone_epoch ? APR_SUCCESS : APR_EAGAIN;
    }
    return note_others(z, zone_epoch, found.place, id, length, total - count);
}

void playcount_zone_show_totals(playcount_zone *z, apr_pool_t *pool)
{
    if (!z->shows_totals) {
        z->local = apr_pmemdup(pool, z, sizeof(*z));
        z->shows_totals = 1;
    }
}

playcount_zone *playcount_zone_local(playcount_zone *z)
{
    return z->shows_totals ? z->local : z;
}

int playcount_zone_shows_totals(const playcount_zone *z)
{
    return z->shows_totals;
}
