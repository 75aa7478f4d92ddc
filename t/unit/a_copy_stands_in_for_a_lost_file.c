/* The copy of a zone whose file was deleted, while others count in it: whenever the
 * server is killed, it opens, with all that was counted before its last update
 * began and nothing that was never played. The last one, beside which nothing
 * counts, has everything.
 *
 * PLAYCOUNT_ROUNDS is the number of updates. */

#include "file.h"

#include "shm/zone/put_back.h"

#define SONGS 2000
#define PLAYERS 2

/* Plays of each song: begun, and acknowledged. */
typedef struct {
    _Atomic uint32_t begun[SONGS], acked[SONGS];
} ledger;

static ledger *book;

static apr_size_t name(char *id, uint32_t song)
{
    int n = sprintf(id, "%u", song);

    if (song % 3 == 0) {
        memset(id + n, '.', 100);
        n += 100;
        id[n] = 0;
    }
    return (apr_size_t)n;
}

static void play(playcount_zone *z, unsigned seed)
{
    for (;;) {
        /* More and more songs: there are always some that are new. */
        uint32_t song = (uint32_t)rand_r(&seed) % SONGS;
        char id[128];
        apr_size_t length = name(id, song);
        uint64_t count;

        atomic_fetch_add(&book->begun[song], 1);
        if (playcount_zone_add(z, id, length, 1, &count) == APR_SUCCESS) {
            atomic_fetch_add(&book->acked[song], 1);
        }
        if (song == 0) {
            playcount_zone_sync(z);
            usleep(1000);
        }
    }
}

static void copy_file(const char *from, const char *to)
{
    char command[400];

    snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
    if (system(command)) {
        printf("# cannot copy\n");
        exit(1);
    }
}

/* Songs whose count in the file is outside of what it may be; -1 if it is refused.
 */
static int wrong_in(const char *path, const uint32_t *least)
{
    opened o = open_zone(path, SONGS, 10);
    int wrong = 0;

    if (o.rv != APR_SUCCESS) {
        printf("# %s\n", o.why);
        close_zone(&o);
        return -1;
    }
    for (uint32_t song = 0; song < SONGS; song++) {
        char id[128];
        uint64_t count = playcount_zone_get(o.zone, id, name(id, song));

        wrong += count < least[song] || count > atomic_load(&book->begun[song]);
    }
    close_zone(&o);
    return wrong;
}

int main(void)
{
    static uint32_t least[SONGS];
    apr_pool_t *pool = test_pool();
    const char *rounds = getenv("PLAYCOUNT_ROUNDS");
    char path[128], image[128];
    const char *why = NULL;
    playcount_zone_copy *copy;
    uint64_t device, inode;
    struct stat st;
    pid_t players[PLAYERS];
    opened o;
    int wrong = 0, pieces = 0;
    apr_status_t rv;

    strcpy(path, test_path("zone"));
    strcpy(image, test_path("image"));
    book = mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    o = open_zone(path, SONGS, 10);
    ok(o.rv == APR_SUCCESS, "a zone");

    ok(playcount_file_link(path, o.file.fd, pool) == APR_EEXIST,
       "what has the name is left alone");
    rename(path, image);
    ok(playcount_file_link(path, o.file.fd, pool) == APR_SUCCESS &&
           playcount_file_is_there(path, o.file.device, o.file.inode) == 1,
       "a file that was moved gets its name again");
    unlink(path);
    unlink(image);
    ok(playcount_file_link(path, o.file.fd, pool) == APR_ENOENT,
       "one that was deleted does not");

    for (int i = 0; i < PLAYERS; i++) {
        if (!(players[i] = test_fork())) {
            playcount_zone_set_process(o.zone);
            play(o.zone, (unsigned)i);
        }
    }
    ok(playcount_copy_make(&copy, path, o.zone, o.file.fd, pool, &why) ==
           APR_SUCCESS,
       "it gets a copy");
    ok(playcount_copy_update(copy, o.zone, 0, &why) == APR_INCOMPLETE,
       "which is made in pieces");
    ok(access(path, F_OK) != 0 && !playcount_copy_is_placed(copy),
       "and has no name until it is whole");
    do {
        rv = playcount_copy_update(copy, o.zone, 0, &why);
        pieces++;
    } while (rv == APR_INCOMPLETE);
    ok(rv == APR_SUCCESS && playcount_copy_is_placed(copy), "then it gets it");
    printf("# %d pieces\n", pieces);
    playcount_copy_place(copy, &device, &inode);
    ok(stat(path, &st) == 0 && st.st_ino == inode && inode != o.file.inode,
       "under its name");
    ok(open_zone(path, SONGS, 10).rv == APR_EAGAIN, "which nobody else can open");
    for (int i = 0, n = rounds ? atoi(rounds) : 60; i < n && !wrong; i++) {
        for (int song = 0; song < SONGS; song++) {
            least[song] = atomic_load(&book->acked[song]);
        }
        while ((rv = playcount_copy_update(copy, o.zone, 0, &why)) ==
               APR_INCOMPLETE) {
            usleep(100);
        }
        if (rv != APR_SUCCESS) {
            wrong = 1;
        }
        copy_file(path, image);
        wrong += wrong_in(image, least);
        unlink(image);
    }
    is((uint64_t)wrong, 0, "each time it opens with all that was counted");

    for (int i = 0; i < PLAYERS; i++) {
        kill(players[i], SIGKILL);
        waitpid(players[i], NULL, 0);
    }
    for (int song = 0; song < SONGS; song++) {
        least[song] = atomic_load(&book->acked[song]);
    }
    ok(playcount_copy_finish(copy, o.zone, &why) == APR_SUCCESS, "the last update");
    apr_pool_destroy(pool);
    close_zone(&o);
    o = open_zone(path, SONGS, 10);
    is(o.file.gaps, 0, "has no gaps");
    close_zone(&o);
    is((uint64_t)wrong_in(path, least), 0, "and everything");
    return done_testing();
}
