/* A power loss leaves a file whose pages are of different moments.
 *
 * A child works on a zone in a file: plays, batches, syncs, clears, handoffs. The
 * parent plays the disk: at random moments it stops the child and writes random
 * pages back to an image, as the system does; a sync writes all of them (msync is
 * ours here). Then the power goes, and the image is opened. Nothing may be in it
 * that was not played, nothing in another song, no songs of two sides of a clear;
 * what was there before the last sync must be there; and what a consumer of
 * handoffs has got, with what it gets now, must be the counts, each play once.
 *
 * In the second form the disk lies: a sync does nothing. Then the file may also
 * be refused, and may lack anything, but it still holds no play that never was.
 *
 * PLAYCOUNT_ROUNDS is the number of power losses in each form. */

#include <errno.h>
#include <signal.h>

#include "file.h"

#define SONGS 300 /* of one generation: between two clears */
#define GENERATIONS 60
#define CAPACITY 600

typedef struct {
    uint64_t last; /* number of the last batch it has */
    uint32_t plays[GENERATIONS][SONGS];
} consumer;

typedef struct {
    _Atomic int syncing, clearing;
    _Atomic uint32_t generation;
    _Atomic uint32_t played[GENERATIONS][SONGS]; /* at most, in units */
    _Atomic uint32_t acked[SONGS];               /* of this generation */
    _Atomic int floor_side;                      /* which floor is valid */
    uint32_t floor[2][SONGS + 1]; /* acked before the last sync; its generation */
    _Atomic int consumer_side;
    consumer consumers[2];
} ledger;

static apr_pool_t *pool;
static ledger *book;
static playcount_zone *zone;
static char *image; /* what is on the disk */
static uint64_t bytes;
static int disk_lies;

/* The disk of this test. */
int msync(void *from, size_t length, int flags)
{
    if (zone && !disk_lies) {
        size_t at = (size_t)((char *)from - (char *)zone->head);

        book->syncing = 1;
        memcpy(image + at, from, length);
        book->syncing = 0;
    }
    return 0;
}

static apr_size_t name(char *id, uint32_t generation, uint32_t song)
{
    int n = sprintf(id, "%u.%u", generation, song);

    if (song % 3 == 0) {
        memset(id + n, '.', 100);
        n += 100;
        id[n] = 0;
    }
    return (apr_size_t)n;
}

static uint64_t unit(const char *id)
{
    return 1 + XXH3_64bits(id, strlen(id)) % 1000;
}

/* --- the child ---------------------------------------------------------------- */

static void play(uint32_t g, uint32_t song)
{
    char id[128];
    uint64_t count;
    apr_size_t length = name(id, g, song);

    book->played[g][song]++;
    if (playcount_zone_add(zone, id, length, unit(id), &count) == APR_SUCCESS) {
        book->acked[song]++;
    }
}

static void play_many(uint32_t g, uint32_t from)
{
    playcount_play plays[40];
    char ids[40][128];

    for (uint32_t i = 0; i < 40; i++) {
        uint32_t song = (from + 7 * i) % SONGS;

        plays[i].id = ids[i];
        plays[i].length = (uint8_t)name(ids[i], g, song);
        plays[i].by = unit(ids[i]);
        plays[i].hash = playcount_zone_hash(zone, ids[i], plays[i].length);
        book->played[g][song]++;
    }
    if (playcount_zone_add_many(zone, plays, 40, NULL) == APR_SUCCESS) {
        for (uint32_t i = 0; i < 40; i++) {
            book->acked[(from + 7 * i) % SONGS]++;
        }
    }
}

static void sync_it(uint32_t g)
{
    int side = !book->floor_side;

    for (int i = 0; i < SONGS; i++) {
        book->floor[side][i] = book->acked[i];
    }
    book->floor[side][SONGS] = g;
    playcount_zone_sync(zone);
    book->floor_side = side;
}

static void clear_it(uint32_t g)
{
    book->clearing = 1;
    playcount_zone_clear(zone);
    for (int i = 0; i < SONGS; i++) {
        book->acked[i] = 0;
    }
    book->generation = g + 1;
    book->clearing = 0;
}

/* One transaction of the consumer, as handoff.h has it. 0 when it cannot be. */
static int deliver(playcount_zone *z, const playcount_batch *b)
{
    const consumer *now = &book->consumers[book->consumer_side];
    consumer *next = &book->consumers[!book->consumer_side];
    playcount_batch_cursor c;
    playcount_song song;
    int more;

    switch (playcount_batch_verdict(b, now->last)) {
    case PLAYCOUNT_BATCH_FOREIGN:
        return 0;
    case PLAYCOUNT_BATCH_IS_IN:
        return playcount_batch_acknowledge(z, b->number) == APR_SUCCESS;
    case PLAYCOUNT_BATCH_SKIP:
        *next = *now;
        next->last = b->number;
        book->consumer_side = !book->consumer_side;
        return playcount_batch_acknowledge(z, b->number) == APR_SUCCESS;
    case PLAYCOUNT_BATCH_ADD:
        break;
    }
    *next = *now;
    next->last = b->number;
    playcount_batch_begin(z, b, &c);
    while ((more = playcount_batch_next(z, &c, &song)) == 1) {
        char *end;
        unsigned long g, i;

        song.id[song.length < PLAYCOUNT_ID_MAX ? song.length : 0] = 0;
        g = strtoul(song.id, &end, 10);
        i = strtoul(end + 1, NULL, 10);
        if (g >= GENERATIONS || i >= SONGS || song.count % unit(song.id)) {
            printf("# a batch mixes songs: %s=%" PRIu64 "\n", song.id, song.count);
            return 0;
        }
        next->plays[g][i] += (uint32_t)(song.count / unit(song.id));
    }
    book->consumer_side = !book->consumer_side;
    return playcount_batch_acknowledge(z, b->number) == APR_SUCCESS && more == 0;
}

static void work(unsigned seed)
{
    for (;;) {
        uint32_t g = book->generation;
        int what = rand_r(&seed) % 1000;
        playcount_batch b;

        if (what < 800) {
            play(g, (uint32_t)rand_r(&seed) % SONGS);
        }
        else if (what < 960) {
            play_many(g, (uint32_t)rand_r(&seed) % SONGS);
        }
        else if (what < 970) {
            sync_it(g);
        }
        else if (what < 985) {
            if (playcount_batch_take(zone, &b) == APR_SUCCESS && what < 980) {
                deliver(zone, &b);
            }
        }
        else if (what < 988 && g + 1 < GENERATIONS) {
            clear_it(g);
        }
    }
}

/* --- the parent ------------------------------------------------------------------
 */

static void write_back(unsigned *seed)
{
    int percent = 1 + rand_r(seed) % 60;

    for (uint64_t at = 0; at < bytes; at += ZONE_PAGE) {
        if (rand_r(seed) % 100 < percent) {
            memcpy(image + at, (char *)zone->head + at, ZONE_PAGE);
        }
    }
}

static void until_the_power_goes(unsigned *seed)
{
    pid_t child = test_fork();

    if (child == 0) {
        work(*seed);
    }
    for (int n = 3 + rand_r(seed) % 20; n > 0; n--) {
        usleep((useconds_t)(rand_r(seed) % 800));
        kill(child, SIGSTOP);
        waitpid(child, NULL, WUNTRACED);
        if (!book->syncing) {
            write_back(seed);
        }
        kill(child, SIGCONT);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ((zone_header *)image)->boot = *seed; /* the system was restarted */
}

static int failed(const char *what, const char *id, uint64_t got, uint64_t bound)
{
    printf("# %s: %s: %" PRIu64 ", %" PRIu64 "\n", what, id, got, bound);
    return 0;
}

/* The songs in the opened zone against the ledger. *generation is theirs. */
static int songs_are_right(playcount_zone *z, uint32_t *generation,
                           uint32_t counts[SONGS])
{
    playcount_cursor c;
    playcount_song song;
    int good = 1, any = 0;

    memset(counts, 0, SONGS * sizeof(*counts));
    for (playcount_zone_begin(z, &c); playcount_zone_next(z, &c, &song);) {
        char *end, expected[128];
        unsigned long g, i;

        song.id[song.length < PLAYCOUNT_ID_MAX ? song.length : 0] = 0;
        g = strtoul(song.id, &end, 10);
        i = strtoul(end + 1, NULL, 10);
        if (g >= GENERATIONS || i >= SONGS ||
            name(expected, (uint32_t)g, (uint32_t)i) != song.length ||
            strcmp(expected, song.id)) {
            return failed("no song of ours", song.id, song.length, 0);
        }
        if (any && g != *generation) {
            return failed("songs of two sides of a clear", song.id, g, *generation);
        }
        any = 1;
        *generation = (uint32_t)g;
        if (song.count % unit(song.id)) {
            good = failed("holds another song's play", song.id, song.count,
                          unit(song.id));
        }
        if (counts[i]) {
            good = failed("is there twice", song.id, song.count, 0);
        }
        counts[i] = (uint32_t)(song.count / unit(song.id));
        if (counts[i] > book->played[g][i]) {
            good = failed("holds more than was played", song.id, counts[i],
                          book->played[g][i]);
        }
        if (get(z, song.id) != song.count) {
            good = failed("is not found", song.id, 0, song.count);
        }
    }
    if (!any) {
        *generation = GENERATIONS;
    }
    return good;
}

static int nothing_synced_is_lost(uint32_t generation, const uint32_t counts[SONGS])
{
    const uint32_t *floor = book->floor[book->floor_side];

    if (floor[SONGS] != book->generation || book->clearing) {
        return 1; /* cleared since */
    }
    for (uint32_t i = 0; i < SONGS; i++) {
        if (floor[i] && (generation != floor[SONGS] || counts[i] < floor[i])) {
            return failed("was there at the last sync", "a song", counts[i],
                          floor[i]);
        }
    }
    return 1;
}

static int handed_over_once(playcount_zone *z, uint32_t generation,
                            const uint32_t counts[SONGS])
{
    playcount_batch b;
    const consumer *has;
    int cleared = generation != book->generation || book->clearing;
    int good = 1;

    if (playcount_batch_take_at_open(z) != APR_SUCCESS) {
        return failed("cannot be taken", "", 0, 0);
    }
    while (good && playcount_batch_get(z, &b) == APR_SUCCESS) {
        good = deliver(z, &b);
    }
    if (!good) {
        return failed("cannot be delivered", "a batch", b.number, b.previous);
    }
    has = &book->consumers[book->consumer_side];
    for (uint32_t g = 0; g < GENERATIONS; g++) {
        for (uint32_t i = 0; i < SONGS; i++) {
            if (has->plays[g][i] > book->played[g][i]) {
                good = failed("delivered more than was played", "a song",
                              has->plays[g][i], book->played[g][i]);
            }
            /* Of songs that were cleared since, some may be gone already. */
            if (g == generation && has->plays[g][i] != counts[i] &&
                (!cleared || has->plays[g][i] < counts[i])) {
                good = failed("delivered another number than is counted", "a song",
                              has->plays[g][i], counts[i]);
            }
        }
    }
    return good;
}

static void a_form(const char *form, int rounds, unsigned seed)
{
    const char *path = apr_pstrdup(pool, test_path("zone"));
    const char *lost = apr_pstrdup(pool, test_path("lost"));
    int right = 1, kept = 1, once = 1, again = 1, refused = 0, silent = 0, gaps = 0;

    for (int r = 0; r < rounds; r++, seed = seed * 69069 + 12345) {
        unsigned at = seed;
        opened o = open_zone(path, CAPACITY, 0);
        uint32_t counts[SONGS], generation = 0;
        const char *before;

        memset((void *)book, 0, sizeof(*book));
        bytes = o.file.bytes;
        memcpy(image, o.zone->head, bytes);
        zone = o.zone;
        until_the_power_goes(&at);
        zone = NULL;
        close_zone(&o);
        unlink(path);
        close(open(lost, O_CREAT | O_TRUNC | O_WRONLY, 0600));
        overwrite(lost, 0, image, bytes);

        o = open_zone(lost, CAPACITY, 0);
        if (o.rv != APR_SUCCESS) {
            refused++;
            silent += !*o.why;
            printf("# %s\n", o.why);
            close_zone(&o);
            continue;
        }
        gaps += o.file.gaps > 0;
        right &= songs_are_right(o.zone, &generation, counts);
        if (!disk_lies) {
            kept &= nothing_synced_is_lost(generation, counts);
            once &= handed_over_once(o.zone, generation, counts);
        }
        add(o.zone, "again", 1);
        before = listing(o.pool, o.zone);
        {
            apr_pool_t *old = o.pool;
            opened o2;

            before = apr_pstrdup(pool, before);
            apr_pool_destroy(old);
            o2 = open_zone(lost, CAPACITY, 0);
            again &= o2.rv == APR_SUCCESS && !o2.file.gaps &&
                     !strcmp(before, listing(o2.pool, o2.zone));
            close_zone(&o2);
        }
        if (!(right & kept & once & again)) {
            printf("# seed %u, round %d\n", seed, r);
            break;
        }
    }
    printf("# %s: %d refused, %d with gaps\n", form, refused, gaps);
    ok(right, "%s: no play that never was, none in another song", form);
    ok(kept, "%s: what was there at the last sync is there", form);
    ok(once, "%s: the consumer has each play once", form);
    ok(again, "%s: it goes on and opens again", form);
    ok(!silent, "%s: a refusal says why", form);
    ok(refused < rounds, "%s: files do open", form);
    if (!disk_lies) {
        is((uint64_t)refused, 0, "no honest disk's file is refused");
    }
}

/* The page with the last word of a long id is of a moment at which an older id
 * stood there, whose bytes were the same as far as this one goes. */
static void the_end_of_an_older_id(void)
{
    const char *path = test_path("end");
    char id[106];
    opened o = open_zone(path, CAPACITY, 0);
    uint64_t at;

    memset(id, '.', 105);
    id[105] = '\0';
    add(o.zone, id, 7);
    at = o.zone->slots[0].id[1] + 105 / 8;
    memset((char *)&o.zone->heap[at], '.', 8);
    close_zone(&o);

    o = open_zone(path, CAPACITY, 0);
    is(get(o.zone, id), 7, "the song is found");
    is(add(o.zone, id, 1), 8, "and goes on");
    close_zone(&o);
}

int main(void)
{
    const char *rounds = getenv("PLAYCOUNT_ROUNDS");
    const char *seed = getenv("PLAYCOUNT_SEED");
    playcount_zone_size size = {CAPACITY, 0};
    int n = rounds ? atoi(rounds) : 60;

    pool = test_pool();
    alarm(300 + (unsigned)n);
    book = mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    image = mmap(NULL, playcount_zone_bytes(&size), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    the_end_of_an_older_id();
    a_form("an honest disk", n, seed ? (unsigned)atoi(seed) : (unsigned)getpid());
    disk_lies = 1;
    a_form("a disk that lies", n, (unsigned)getpid());
    return done_testing();
}
