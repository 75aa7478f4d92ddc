/* A page of a zone's file that cannot be read or written ends no process: the zone
 * is marked as failed, for all who share it, and what is done in it goes on to an
 * end. A SIGBUS from elsewhere goes to the handler that was there before. */

#include "file.h"

#include "shm/fault/fault.h"
#include "shm/zone/failed.h"

#define SONGS 50000

static _Atomic uint32_t *failed; /* of two zones */

static void on_other_fault(int signal_number)
{
    _exit(signal_number == SIGBUS ? 77 : 1);
}

static opened open_guarded(const char *path, int which)
{
    opened o = open_zone(path, SONGS, 10);

    playcount_zone_guard(o.zone, &failed[which], o.pool);
    return o;
}

static apr_size_t name(char *id, int song)
{
    return (apr_size_t)sprintf(id, "a song with a longer name %d", song);
}

static void fill(playcount_zone *z)
{
    char id[64];
    uint64_t count;

    for (int song = 0; song < SONGS / 2; song++) {
        playcount_zone_add(z, id, name(id, song), 1, &count);
    }
}

/* Everything that can be done. */
static void use(playcount_zone *z, const playcount_batch *batch)
{
    playcount_cursor c;
    playcount_batch_cursor b;
    playcount_batch another;
    playcount_zone_use all;
    playcount_song song;
    const char *ids[] = {"1", "2", "3"};
    char id[64];
    uint64_t count;

    for (int i = 0; i < SONGS; i += 7) {
        playcount_zone_add(z, id, name(id, i), 1, &count);
        playcount_zone_get(z, id, name(id, i));
    }
    playcount_zone_forget(z, id, name(id, 7), &count);
    add_many(z, ids, 1, 3, NULL, NULL);
    playcount_zone_begin(z, &c);
    while (playcount_zone_next(z, &c, &song)) {
    }
    playcount_batch_begin(z, batch, &b);
    while (playcount_batch_next(z, &b, &song) > 0) {
    }
    playcount_batch_take(z, &another);
    playcount_batch_acknowledge(z, batch->number);
    playcount_zone_usage(z, &all);
    playcount_zone_repair(z);
    playcount_zone_clear(z);
}

/* The whole file is gone from this byte on, while two processes use it. */
static void cut_at(off_t bytes)
{
    const char *path = test_path("zone");
    opened o = open_guarded(path, 0);
    playcount_batch batch = {0};
    int ends = 0, status;
    pid_t child;

    atomic_store(&failed[0], 0);
    fill(o.zone);
    playcount_batch_take(o.zone, &batch);
    if (!(child = test_fork())) {
        playcount_zone_set_process(o.zone);
        while (!playcount_zone_failed(o.zone)) {
            use(o.zone, &batch);
        }
        use(o.zone, &batch);
        _exit(0);
    }
    if (truncate(path, bytes) != 0) {
        printf("# truncate\n");
        exit(1);
    }
    for (int i = 0; i < 1000 && !playcount_zone_failed(o.zone); i++) {
        use(o.zone, &batch);
    }
    use(o.zone, &batch);
    waitpid(child, &status, 0);
    ends = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ok(playcount_zone_failed(o.zone), "cut at %ld: it has failed", (long)bytes);
    ok(ends, "for the other process too, which ends by itself");
    close_zone(&o);
    unlink(path);
}

int main(void)
{
    const char *path;
    playcount_batch batch = {0};
    playcount_batch_cursor b;
    playcount_song song;
    opened o, other;
    pid_t child;
    int status, more = 1;

    apr_initialize();
    failed =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    signal(SIGBUS, on_other_fault);
    playcount_fault_catch();
    playcount_fault_catch();

    cut_at(0);
    cut_at(4096);
    cut_at(1000000);

    /* A batch that is being read ends, but not as if that were all of it. */
    atomic_store(&failed[0], 0);
    path = test_path("zone");
    o = open_guarded(path, 0);
    other = open_guarded(test_path("other"), 1);
    add(other.zone, "1", 5);
    fill(o.zone);
    playcount_batch_take(o.zone, &batch);
    playcount_batch_begin(o.zone, &batch, &b);
    for (int i = 0; i < 100; i++) {
        more = playcount_batch_next(o.zone, &b, &song);
    }
    ok(more == 1, "a batch is being read");
    if (truncate(test_path("zone"), 0) != 0) {
        printf("# truncate\n");
        return 1;
    }
    while ((more = playcount_batch_next(o.zone, &b, &song)) > 0) {
    }
    ok(more == -1, "it is cut off with the file");
    ok(playcount_zone_failed(o.zone), "which has failed");
    ok(!playcount_zone_failed(other.zone) && get(other.zone, "1") == 5,
       "another zone has not");

    if (!(child = test_fork())) {
        char *page;
        int fd = open(test_path("empty"), O_RDWR | O_CREAT, 0600);

        page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
        _exit(*page); /* beyond its end */
    }
    waitpid(child, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 77,
       "a fault elsewhere goes to the handler that was there");
    playcount_fault_release();
    if (!(child = test_fork())) {
        raise(SIGBUS);
        _exit(1);
    }
    waitpid(child, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 77, "which is put back");
    return done_testing();
}
