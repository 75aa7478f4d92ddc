/* One song is forgotten: its count is answered, its place is free, no play lands in
 * another song and none is handed over twice. */

#include <sched.h>
#include <stdatomic.h>

#include "file.h"

#include "shm/zone/holes.h"

static apr_pool_t *pool;

static apr_status_t forget(playcount_zone *z, const char *id, uint64_t *count)
{
    *count = 0;
    return playcount_zone_forget(z, id, strlen(id), count);
}

static const char *long_id(const char *name, int length)
{
    char *id = apr_psprintf(pool, "%-255s", name);

    id[length] = 0;
    return id;
}

/* --- one process --- */

static void its_place_is_free(void)
{
    playcount_zone *z = test_zone(pool, 4, 0);
    playcount_zone_use use;
    uint64_t count;

    is(forget(z, "a", &count), APR_NOTFOUND, "what is not there is not forgotten");
    add(z, "a", 1);
    add(z, "b", 2);
    add(z, "c", 3);
    is(forget(z, "b", &count), APR_SUCCESS, "a song is forgotten");
    is(count, 2, "and its count answered");
    is(get(z, "b"), 0, "it has no plays");
    is(forget(z, "b", &count), APR_NOTFOUND, "and is not there");
    ok(!strcmp(listing(pool, z), "a=1,c=3"), "nor in the listing");
    is(add(z, "b", 1), 1, "it may come back");
    ok(!strcmp(listing(pool, z), "a=1,c=3,b=1"), "at the end of the listing");
    is(add(z, "d", 1), 1, "a song fits in its place");
    ok(!strcmp(listing(pool, z), "a=1,d=1,c=3,b=1"), "and stands there");
    is(add(z, "e", 1), 0, "one more does not");
    is(add(z, "d", 4), 5, "a song in a hole is counted");
    is(get(z, "d"), 5, "and read");
    playcount_zone_usage(z, &use);
    is(use.songs, 4, "the use counts songs");
    is(use.plays, 10, "and plays");
    forget(z, "a", &count);
    playcount_zone_usage(z, &use);
    is(use.songs, 3, "without the forgotten");
    is(use.plays, 9, "and theirs");
    add_many(z, (const char *[]){"x", "c"}, 1, 2, NULL, NULL);
    ok(!strcmp(listing(pool, z), "x=1,d=5,c=4,b=1"), "a batch finds the place too");
    is(add_many(z, (const char *[]){"y", "c"}, 1, 2, NULL, NULL), APR_ENOSPC,
       "and none that is not there");
    is(forget(z, "d", &count), APR_SUCCESS, "a song in a hole can be forgotten");
    is(count, 5, "with its count");
    playcount_zone_clear(z);
    is(add(z, "a", 1) + add(z, "b", 1) + add(z, "c", 1) + add(z, "d", 1), 4,
       "after a clear as many fit as before");
    is(add(z, "e", 1), 0, "and no more");
}

static void the_longest_ids_fit_again(void)
{
    playcount_zone *z = test_zone(pool, 4, 0);
    uint64_t count;

    for (int i = 0; i < 4; i++) {
        add(z, long_id(apr_itoa(pool, i), 255), 1);
    }
    for (int i = 0; i < 40; i++) {
        forget(z, long_id(apr_itoa(pool, i), 255), &count);
        if (add(z, long_id(apr_itoa(pool, i + 4), 255), 1) != 1) {
            break;
        }
    }
    is(get(z, long_id("43", 255)), 1, "ids of 255 bytes take each other's place");
    is(get(z, long_id("40", 255)), 1, "and stay whole");
}

static void keys_answer_as_before(void)
{
    playcount_zone *z = test_zone(pool, 4, 4);
    playcount_key key = playcount_key_hash(z, "k", 1);
    playcount_claim claim;
    uint64_t count;

    playcount_key_claim(z, &key, 1000, 100, &claim);
    claim.fingerprint = 7;
    add_many(z, (const char *[]){"a"}, 5, 1, &claim, NULL);
    forget(z, "a", &count);
    is(playcount_key_claim(z, &key, 1001, 100, &claim), APR_EEXIST,
       "a key whose song was forgotten is answered");
    is(playcount_key_recall(z, &key, 7, &count, 1), APR_SUCCESS, "from its memory");
    is(count, 5, "as the first time");
    is(get(z, "a"), 0, "and counts nothing");
}

/* The plays of all songs in a batch, which is acknowledged. */
static uint64_t hand_over(playcount_zone *z)
{
    playcount_batch b;

    if (playcount_batch_take(z, &b) != APR_SUCCESS) {
        return 0;
    }
    playcount_batch_acknowledge(z, b.number);
    return b.plays;
}

/* The songs of a batch, which stays open. */
static const char *batch_text(playcount_zone *z)
{
    playcount_batch_cursor c;
    playcount_batch b;
    playcount_song song;
    const char *all = "";

    if (playcount_batch_take(z, &b) != APR_SUCCESS) {
        return all;
    }
    for (playcount_batch_begin(z, &b, &c);
         playcount_batch_next(z, &c, &song) == 1;) {
        all = apr_psprintf(pool, "%s%s%.*s=%d", all, *all ? "," : "",
                           (int)song.length, song.id, (int)song.count);
    }
    return all;
}

static void acknowledge(playcount_zone *z)
{
    playcount_batch b;

    if (playcount_batch_get(z, &b) == APR_SUCCESS) {
        playcount_batch_acknowledge(z, b.number);
    }
}

static int is_text(const char *got, const char *wanted, const char *what)
{
    int good = !strcmp(got, wanted);

    ok(good, "%s", what);
    if (!good) {
        printf("# got %s, expected %s\n", got, wanted);
    }
    return good;
}

static void every_play_is_handed_over(void)
{
    playcount_zone *z = test_zone(pool, 3, 0);
    playcount_zone_use use;
    uint64_t count;

    playcount_zone_set_handed_over(z);
    add(z, "a", 1);
    add(z, "b", 2);
    add(z, "c", 3);
    is(forget(z, "a", &count), APR_SUCCESS, "forgotten before the first batch");
    is(count, 1, "with its count");
    is(get(z, "a"), 0, "it has no plays");
    is(forget(z, "a", &count), APR_NOTFOUND, "and is not there");
    is_text(listing(pool, z), "b=2,c=3", "nor in the listing");
    playcount_zone_usage(z, &use);
    is(use.songs, 2, "nor in the use");
    is(use.plays, 5, "with its plays");
    is(add(z, "d", 1), 0, "its place is not free");
    is_text(batch_text(z), "a=1,b=2,c=3", "the next batch has its plays");
    is(add(z, "d", 1), 0, "while it is open the place is not free");
    is(forget(z, "b", &count), APR_SUCCESS, "another one is forgotten meanwhile");
    is_text(batch_text(z), "a=1,b=2,c=3", "which the batch does not notice");
    acknowledge(z);
    is_text(batch_text(z), "", "nothing is left of them");
    is(add(z, "d", 5) + add(z, "e", 6), 11, "their places are free");
    is(add(z, "f", 1), 0, "those two");
    is_text(batch_text(z), "d=5,e=6", "and nobody else's plays are handed over");
    acknowledge(z);
    add(z, "c", 1);
    is(forget(z, "c", &count), APR_SUCCESS, "with plays since the batch");
    is(count, 4, "it has its whole count");
    is_text(batch_text(z), "c=1", "and the batch what it had not");
    acknowledge(z);
    is(forget(z, "d", &count), APR_SUCCESS, "all handed over");
    is(add(z, "g", 1), 1, "the place is free at once");
}

/* A song that comes back is another one, whose plays come in the batch after. */
static void one_that_comes_back_waits(void)
{
    playcount_zone *z = test_zone(pool, 8, 0);
    uint64_t count;

    playcount_zone_set_handed_over(z);
    add(z, "a", 1);
    add(z, "b", 2);
    forget(z, "a", &count);
    is(add(z, "a", 10), 10, "it begins again");
    is(forget(z, "a", &count), APR_EBUSY, "twice at a time it cannot be forgotten");
    is(get(z, "a"), 10, "which changes nothing");
    is_text(batch_text(z), "a=1,b=2", "its first life is in the batch");
    acknowledge(z);
    is(forget(z, "a", &count), APR_SUCCESS, "now it can be");
    add(z, "a", 100);
    is_text(batch_text(z), "a=10", "the second one in the next");
    add(z, "a", 100);
    acknowledge(z);
    is_text(batch_text(z), "a=200", "the third one after that");
    is(forget(z, "a", &count), APR_SUCCESS, "one that is in an open batch");
    acknowledge(z);
    is_text(batch_text(z), "", "is handed over with it");
    is(hand_over(z), 0, "once");
}

/* Of each of many songs that are played, forgotten and handed over at random, a
 * consumer gets each play once. */
static void the_consumer_has_each_play(void)
{
    playcount_zone *z = test_zone(pool, 40, 0);
    uint64_t played[60] = {0}, got[60] = {0}, answered[60] = {0}, count;
    int good = 1, refused = 0, doubled = 0;
    unsigned seed = 3;

    playcount_zone_set_handed_over(z);
    for (int i = 0; i < 60000; i++) {
        int song = rand_r(&seed) % 60;
        const char *id =
            long_id(apr_psprintf(pool, "s%02d", song), 3 + song % 3 * 20);

        switch (rand_r(&seed) % 16) {
        case 0:
        case 1:
        case 2: {
            apr_status_t rv = forget(z, id, &count);

            refused += rv == APR_EBUSY;
            good = good && (rv != APR_SUCCESS || count > 0);
            answered[song] += rv == APR_SUCCESS ? count : 0;
            break;
        }
        case 3: {
            playcount_batch_cursor c;
            playcount_batch b;
            playcount_song s;
            int seen[60] = {0};

            if (playcount_batch_take(z, &b) != APR_SUCCESS || rand_r(&seed) % 3) {
                break;
            }
            for (playcount_batch_begin(z, &b, &c);
                 playcount_batch_next(z, &c, &s) == 1;) {
                int n = (s.id[1] - '0') * 10 + s.id[2] - '0';

                got[n] += s.count;
                doubled += seen[n]++;
            }
            playcount_batch_acknowledge(z, b.number);
            break;
        }
        default:
            played[song] += add(z, id, 1) ? 1 : 0;
        }
    }
    ok(good, "no song is forgotten that has no plays");
    ok(refused > 0 && refused < 3000, "few are refused: %d", refused);
    is((uint64_t)doubled, 0, "no batch has a song twice");
    for (int i = 0; i < 3; i++) {
        playcount_batch_cursor c;
        playcount_batch b;
        playcount_song s;

        if (playcount_batch_take(z, &b) == APR_SUCCESS) {
            for (playcount_batch_begin(z, &b, &c);
                 playcount_batch_next(z, &c, &s) == 1;) {
                got[(s.id[1] - '0') * 10 + s.id[2] - '0'] += s.count;
            }
            playcount_batch_acknowledge(z, b.number);
        }
    }
    for (int song = 0; song < 60; song++) {
        const char *id =
            long_id(apr_psprintf(pool, "s%02d", song), 3 + song % 3 * 20);

        good = good && got[song] == played[song] &&
               answered[song] + get(z, id) == played[song];
    }
    ok(good, "each play was handed over once, and in an answer or is there");
    is(z->head->left_n, 0, "none waits");
}

/* --- against a model: many songs of many lengths come and go --- */

#define MANY 300

static uint64_t entries(const playcount_zone *z)
{
    uint64_t n = 0;

    for (uint64_t at = 0; at < z->index_size; at++) {
        n += z->index[at] != 0;
    }
    return n;
}

static const char *model_id(int song)
{
    return long_id(apr_psprintf(pool, "song%d", song), 8 + song * 7 % 60);
}

static void many_come_and_go(void)
{
    playcount_zone *z = test_zone(pool, MANY, 0);
    uint64_t model[3 * MANY] = {0};
    const char *ids[3 * MANY];
    uint64_t present = 0, count;
    unsigned seed = 1;
    int good = 1;

    for (int i = 0; i < 3 * MANY; i++) {
        ids[i] = model_id(i);
    }
    for (int i = 0; i < 60 * MANY && good; i++) {
        int song = rand_r(&seed) % (3 * MANY);

        if (rand_r(&seed) % 3) {
            int fits = model[song] || present < MANY;

            good = add(z, ids[song], 2) == (fits ? model[song] + 2 : 0);
            present += fits && !model[song];
            model[song] += fits ? 2 : 0;
        }
        else {
            good = (forget(z, ids[song], &count) == APR_SUCCESS) == !!model[song] &&
                   count == model[song];
            present -= !!model[song];
            model[song] = 0;
        }
    }
    ok(good, "songs come and go as in an array");
    for (int i = 0; i < 3 * MANY; i++) {
        good = good && get(z, ids[i]) == model[i];
    }
    ok(good, "and are found, or not, all of them");
    is(entries(z), present, "the index has an entry for each song");
    playcount_zone_clear(z);
    is(entries(z), 0, "and none after a clear");
}

/* --- in a file --- */

static void it_stays_forgotten(void)
{
    const char *path = apr_pstrdup(pool, test_path("holes"));
    opened o = open_zone(path, 4, 0);
    uint64_t count;

    add(o.zone, "a", 1);
    add(o.zone, long_id("b", 200), 2);
    add(o.zone, "c", 3);
    add(o.zone, "d", 4);
    forget(o.zone, long_id("b", 200), &count);
    forget(o.zone, "a", &count);
    add(o.zone, "e", 5);
    close_zone(&o);
    o = open_zone(path, 4, 0);
    is(o.file.gaps, 0, "a forgotten song is no loss");
    ok(!strcmp(listing(pool, o.zone), "e=5,c=3,d=4"), "nor does it come back");
    is(add(o.zone, "e", 1), 6, "a song in a hole goes on");
    is(add(o.zone, long_id("f", 255), 1), 1, "a place is still free");
    is(add(o.zone, "g", 1), 0, "only one");
    forget(o.zone, "d", &count);
    close_zone(&o);
    o = open_zone(path, 5, 0);
    ok(!strcmp(listing(pool, o.zone),
               apr_psprintf(pool, "e=6,%s=1,c=3", long_id("f", 255))),
       "a file made larger has the songs");
    is(add(o.zone, "g", 1), 1, "and places at the end");
    ok(strstr(listing(pool, o.zone), ",c=3,g=1") != NULL, "where new songs go");
    close_zone(&o);
}

/* A power loss: pages of different moments. The slot is older than the mark. */
static void it_is_not_handed_over_twice(void)
{
    const char *path = apr_pstrdup(pool, test_path("marks"));
    opened o = open_zone(path, 4, 0);
    playcount_batch b;
    uint64_t count;
    slot before;

    add(o.zone, "a", 7);
    add(o.zone, "b", 2);
    hand_over(o.zone);
    playcount_zone_sync(o.zone);
    before = o.zone->slots[0];
    is(forget(o.zone, "a", &count), APR_SUCCESS,
       "a song was handed over and forgotten");
    o.zone->slots[0] = before; /* this page was not written */
    o.zone->head->hole[1] = o.zone->head->holes[1] = 0; /* nor was the header */
    o.zone->head->boot ^= 1;
    close_zone(&o);
    o = open_zone(path, 4, 0);
    is(o.rv, APR_SUCCESS, "after a power loss");
    is(playcount_batch_take(o.zone, &b), APR_NOTFOUND,
       "nothing is delivered again");
    is(get(o.zone, "b"), 2, "and the others are there");
    close_zone(&o);
}

/* A song that left, in a file that is closed, cut off, made larger. */
static void it_stays_left(void)
{
    const char *path = apr_pstrdup(pool, test_path("left"));
    opened o = open_zone(path, 4, 0);
    uint64_t count;

    playcount_zone_set_handed_over(o.zone);
    add(o.zone, "a", 7);
    add(o.zone, long_id("b", 200), 2);
    add(o.zone, "c", 1);
    forget(o.zone, "a", &count);
    forget(o.zone, long_id("b", 200), &count);
    add(o.zone, "a", 30);
    for (int loss = 0; loss < 2; loss++) {
        playcount_zone_sync(o.zone);
        o.zone->head->boot ^= (uint64_t)loss;
        close_zone(&o);
        o = open_zone(path, loss ? 6 : 4, 0);
        is(o.rv, APR_SUCCESS,
           loss ? "after a power loss, made larger" : "opened again");
        playcount_zone_set_handed_over(o.zone);
        is_text(listing(pool, o.zone), "c=1,a=30", "it does not come back");
        is(get(o.zone, "a"), 30, "but as another one");
        is(forget(o.zone, "a", &count), APR_EBUSY, "it is known that it left");
    }
    is_text(batch_text(o.zone),
            apr_psprintf(pool, "a=7,%s=2,c=1", long_id("b", 200)),
            "its plays are handed over");
    /* The other one's mark is 0: it is not taken for one that was forgotten. */
    playcount_zone_sync(o.zone);
    o.zone->head->boot ^= 1;
    close_zone(&o);
    o = open_zone(path, 6, 0);
    is_text(listing(pool, o.zone), "c=1,a=30",
            "after a power loss with the batch open");
    acknowledge(o.zone);
    playcount_zone_sync(o.zone);
    o.zone->head->boot ^= 1;
    close_zone(&o);
    o = open_zone(path, 6, 0);
    is_text(listing(pool, o.zone), "c=1,a=30", "and after one behind it");
    is_text(batch_text(o.zone), "a=30", "the next batch has the other one");
    acknowledge(o.zone);
    is(add(o.zone, "x", 1) + add(o.zone, "y", 1) + add(o.zone, "z", 1) +
           add(o.zone, "u", 1),
       4, "and their places are free");
    is(add(o.zone, "v", 1), 0, "no more");
    close_zone(&o);
}

/* A file of layout version 2: a count of 2^41 and more stood in its word. */
static void large_counts_of_older_files(void)
{
    const char *path = apr_pstrdup(pool, test_path("older"));
    opened o = open_zone(path, 4, 0);

    add(o.zone, "a", 1);
    add(o.zone, "b", 2);
    o.zone->slots[0].word = STATE(1, 0) | WORD_LEFT | 5;
    o.zone->head->version = 2;
    o.zone->head->check = playcount_layout_check(o.zone->head);
    close_zone(&o);
    o = open_zone(path, 4, 0);
    is(o.rv, APR_SUCCESS, "a file of layout version 2 is opened");
    is(get(o.zone, "a"), (1ULL << 41) + 5, "a large count is as it was");
    is(get(o.zone, "b"), 2, "and a small one");
    is(o.zone->head->version, ZONE_VERSION, "it is one of this version now");
    is(add(o.zone, "a", 1), (1ULL << 41) + 6, "which goes on");
    close_zone(&o);
}

/* A song in a hole, registered after the last sync; of its wide count only an older
 * one, of the song before, is on the disk. */
static void no_count_is_inherited(void)
{
    const char *path = apr_pstrdup(pool, test_path("wide"));
    opened o = open_zone(path, 2, 0);
    uint64_t count;

    add(o.zone, "a", 1);
    add(o.zone, "b", 2);
    forget(o.zone, "a", &count);
    add(o.zone, "c", 1000);
    playcount_zone_sync(o.zone);
    forget(o.zone, "c", &count);
    add(o.zone, "d", 1);
    o.zone->wide[0] = 1000; /* this page was not written */
    o.zone->head->boot ^= 1;
    close_zone(&o);
    o = open_zone(path, 2, 0);
    is(get(o.zone, "d"), 0, "a song younger than the last sync may be lost");
    is(get(o.zone, "b"), 2, "but no other");
    is(add(o.zone, "d", 1), 1, "and never has another one's plays");
    close_zone(&o);
}

/* --- many processes --- */

#define WORKERS 4
#define SONGS 6 /* in a zone of 4 */

typedef struct {
    _Atomic uint64_t added[SONGS], forgotten[SONGS];
    _Atomic int over;
    _Atomic int wrong;
} ledger;

static const char *song_id(unsigned n)
{
    static const char *ids[SONGS];

    if (!ids[0]) {
        for (unsigned i = 0; i < SONGS; i++) {
            ids[i] = long_id(apr_psprintf(pool, "song%u", i), i & 1 ? 30 : 5);
        }
    }
    return ids[n];
}

static void work(playcount_zone *z, ledger *l, unsigned seed)
{
    while (!l->over) {
        unsigned n = (unsigned)rand_r(&seed) % SONGS;
        unsigned m = (n + 1) % SONGS;
        playcount_cursor c;
        playcount_song song;

        if (rand_r(&seed) % 8) {
            l->added[n] += add(z, song_id(n), 1) ? 1 : 0;
        }
        else if (add_many(z, (const char *[]){song_id(n), song_id(m)}, 3, 2, NULL,
                          NULL) == APR_SUCCESS) {
            l->added[n] += 3;
            l->added[m] += 3;
        }
        for (playcount_zone_begin(z, &c); playcount_zone_next(z, &c, &song);) {
            unsigned is = (unsigned)(song.id[4] - '0');

            if (song.length < 5 || is >= SONGS ||
                strlen(song_id(is)) != song.length ||
                memcmp(song.id, song_id(is), song.length)) {
                l->wrong = 1;
            }
        }
    }
}

static void every_play_falls_before_or_after(void)
{
    playcount_zone *z = test_zone(pool, 4, 0);
    ledger *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[WORKERS];
    uint64_t forgotten = 0, count;
    unsigned seed = 9;
    const char *rounds = getenv("PLAYCOUNT_ROUNDS");
    uint64_t wanted = rounds ? 2000 : 20000;

    song_id(0);
    for (int i = 0; i < WORKERS; i++) {
        if (!(children[i] = test_fork())) {
            work(z, l, (unsigned)i);
            _exit(0);
        }
    }
    while (forgotten < wanted) {
        unsigned n = (unsigned)rand_r(&seed) % SONGS;

        if (forget(z, song_id(n), &count) == APR_SUCCESS) {
            l->forgotten[n] += count;
            forgotten++;
        }
        sched_yield();
    }
    l->over = 1;
    for (int i = 0; i < WORKERS; i++) {
        waitpid(children[i], NULL, 0);
    }
    for (unsigned n = 0; n < SONGS; n++) {
        is(l->forgotten[n] + get(z, song_id(n)), l->added[n],
           "every play is in its song, or was in the answer when that was "
           "forgotten");
    }
    ok(!l->wrong, "and no listing had a song that never was");
}

int main(void)
{
    pool = test_pool();
    alarm(300);
    its_place_is_free();
    the_longest_ids_fit_again();
    keys_answer_as_before();
    every_play_is_handed_over();
    one_that_comes_back_waits();
    the_consumer_has_each_play();
    many_come_and_go();
    it_stays_forgotten();
    it_is_not_handed_over_twice();
    it_stays_left();
    large_counts_of_older_files();
    no_count_is_inherited();
    every_play_falls_before_or_after();
    return done_testing();
}
