/* A zone in a file: made, found again, made larger and smaller; and refused with
 * a sentence, byte for byte as it was, when it cannot or must not be used. */

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "file.h"

static apr_pool_t *pool;

/* Opening must fail, say this, and leave the file alone. */
static void refused(const char *path, uint64_t songs, const char *sentence,
                    const char *what)
{
    uint64_t before = file_hash(path);
    opened o = open_zone(path, songs, 0);

    ok(o.rv != APR_SUCCESS, "%s is refused", what);
    ok(strstr(o.why, sentence) != NULL, "it says: %s", o.why);
    close_zone(&o);
    ok(file_hash(path) == before, "and the file is as it was");
}

static const char *long_id(int n)
{
    return apr_psprintf(pool, "%0200d", n);
}

static void made_and_found_again(void)
{
    const char *path = apr_pstrdup(pool, test_path("plain"));
    opened o = open_zone(path, 10, 0);
    struct stat st;

    is(o.rv, APR_SUCCESS, "a file is made");
    is(o.file.created, 1, "and said to be new");
    is(stat(path, &st), 0, "it is there");
    is((uint64_t)st.st_size, o.file.bytes, "in its full size");
    ok((uint64_t)st.st_blocks * 512 >= o.file.bytes, "without holes");
    add(o.zone, "a", 3);
    add(o.zone, long_id(1), 4);
    add(o.zone, "b", WORD_COUNT + 5);
    close_zone(&o);

    o = open_zone(path, 10, 0);
    is(o.rv, APR_SUCCESS, "it is opened again");
    is(o.file.created, 0, "as one that was there");
    is(o.file.gaps, 0, "without gaps");
    ok(!strcmp(listing(pool, o.zone),
               apr_psprintf(pool, "a=3,%s=4,b=%" PRIu64, long_id(1),
                            (uint64_t)WORD_COUNT + 5)),
       "with its songs, counts and order");
    is(add(o.zone, "a", 1), 4, "and goes on");
    refused(path, 10, "in use by another server", "a second opener");
    close_zone(&o);
}

/* Killed at once: no store is lost, because the file is the memory. */
static void killed(void)
{
    const char *path = apr_pstrdup(pool, test_path("killed"));
    pid_t child = test_fork();
    opened o;

    if (child == 0) {
        o = open_zone(path, 10, 0);
        add(o.zone, "a", 41);
        add(o.zone, "a", 1);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    o = open_zone(path, 10, 0);
    is(o.rv, APR_SUCCESS, "what a killed process left opens");
    is(get(o.zone, "a"), 42, "with every play");
    close_zone(&o);
}

static void sizes(void)
{
    const char *path = apr_pstrdup(pool, test_path("sizes"));
    opened o = open_zone(path, 10, 4);
    const char *expected;
    playcount_batch b;
    uint64_t number;

    for (int n = 0; n < 5; n++) {
        add(o.zone, apr_psprintf(pool, "ghost%d", n), 7);
    }
    playcount_batch_take(o.zone, &b);
    number = b.number;
    playcount_zone_clear(o.zone);
    add(o.zone, long_id(7), 1);
    add(o.zone, "x", WORD_COUNT + 1);
    add(o.zone, "y", 3);
    expected = listing(pool, o.zone);
    close_zone(&o);

    refused(path, 7, "holds 8 songs; set songs= to at least that",
            "songs= below what is in it (songs and an open batch)");
    for (uint64_t songs = 8; songs < 4000; songs *= 7) {
        playcount_batch_cursor c;
        playcount_song song;
        int good = 1, n = 0;

        o = open_zone(path, songs, songs / 3);
        is(o.rv, APR_SUCCESS, "another size is had");
        is(o.zone->songs, songs, "exactly");
        ok(!strcmp(listing(pool, o.zone), expected), "the songs are there");
        is(playcount_batch_get(o.zone, &b), APR_SUCCESS, "the batch is open");
        is(b.number, number, "under its number");
        for (playcount_batch_begin(o.zone, &b, &c);
             playcount_batch_next(o.zone, &c, &song) == 1; n++) {
            good &= song.count == 7 && song.length == 6 &&
                    !memcmp(song.id, apr_psprintf(pool, "ghost%d", n), 6);
        }
        ok(good && n == 5, "with its songs");
        close_zone(&o);
    }
    o = open_zone(path, 8, 0);
    is(add(o.zone, "z", 1), 0, "a zone shrunk to fit is full");
    is(playcount_batch_acknowledge(o.zone, number), APR_SUCCESS,
       "until its batch is gone");
    is(add(o.zone, "z", 1), 1, "then there is room");
    close_zone(&o);
    o = open_zone(path, 4, 0);
    ok(!strcmp(listing(pool, o.zone), apr_psprintf(pool, "%s,z=1", expected)),
       "and it can be shrunk further");
    close_zone(&o);
}

static void leftovers(void)
{
    const char *path = apr_pstrdup(pool, test_path("left"));
    const char *new_path = apr_pstrcat(pool, path, ".new", NULL);
    opened o = open_zone(path, 10, 0);
    FILE *f;

    add(o.zone, "a", 3);
    close_zone(&o);
    f = fopen(new_path, "w");
    fputs("half a file", f);
    fclose(f);
    o = open_zone(path, 20, 0);
    is(get(o.zone, "a"), 3, "a leftover of a killed enlarging is overwritten");
    ok(access(new_path, F_OK) != 0, "and gone");
    close_zone(&o);
    f = fopen(new_path, "w");
    fclose(f);
    unlink(path);
    o = open_zone(path, 20, 0);
    is(o.rv, APR_SUCCESS, "also where a first making was killed");
    close_zone(&o);
}

/* In a directory that others may write to, another user may put a link where the
 * new file will be. Root would overwrite what it leads to. */
static void planted(void)
{
    const char *path = apr_pstrdup(pool, test_path("planted"));
    const char *new_path = apr_pstrcat(pool, path, ".new", NULL);
    const char *victim = apr_pstrdup(pool, test_path("victim"));
    FILE *f = fopen(victim, "w");
    uint64_t before;
    opened o;

    fputs("precious", f);
    fclose(f);
    before = file_hash(victim);
    is(symlink(victim, new_path), 0, "a link stands in the place of the new file");
    refused(path, 10, "is a link", "that");
    ok(file_hash(victim) == before, "and what it leads to is as it was");
    unlink(new_path);
    is(link(victim, new_path), 0, "so does another name of a file");
    refused(path, 10, "is a link", "that");
    ok(file_hash(victim) == before, "and the file is as it was");
    unlink(new_path);
    is(symlink("nowhere", new_path), 0, "a link that leads nowhere");
    refused(path, 10, "cannot be made", "that");
    ok(access(test_path("nowhere"), F_OK) != 0, "and nothing is made there");
    unlink(new_path);
    o = open_zone(path, 10, 0);
    is(o.rv, APR_SUCCESS, "without them the file is made");
    close_zone(&o);
}

/* As a backup tool restores it. */
static void sparse(void)
{
    const char *path = apr_pstrdup(pool, test_path("sparse"));
    opened o = open_zone(path, 10000, 0);
    struct stat st;

    add(o.zone, "a", 3);
    close_zone(&o);
    if (system(apr_psprintf(pool, "cp --sparse=always %s %s.copy && mv %s.copy %s",
                            path, path, path, path))) {
        ok(1, "no cp that makes holes");
        return;
    }
    stat(path, &st);
    ok((uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size, "a file has holes");
    o = open_zone(path, 10000, 0);
    is(get(o.zone, "a"), 3, "it is opened");
    stat(path, &st);
    ok((uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size,
       "and has none any more");
    close_zone(&o);
}

static void not_ours(void)
{
    const char *path = apr_pstrdup(pool, test_path("foreign"));
    FILE *f = fopen(path, "w");
    char dir[160];

    fclose(f);
    refused(path, 10, "is not a file of mod_playcount", "an empty file");
    f = fopen(path, "w");
    for (int i = 0; i < 10000; i++) {
        fputs("#!/bin/sh\n", f);
    }
    fclose(f);
    refused(path, 10, "is not a file of mod_playcount", "another program's file");
    snprintf(dir, sizeof(dir), "%s/nowhere/zone", test_dir);
    refused(dir, 10, "cannot be made", "a directory that is not there");
    refused(test_dir, 10, "is not a file", "a directory");
}

static void damaged(void)
{
    const char *path = apr_pstrdup(pool, test_path("damaged"));
    opened o = open_zone(path, 1000, 0);
    zone_header head = *o.zone->head;
    uint64_t slot_at = head.at.slots + 500 * sizeof(slot);
    slot intact;
    char page[ZONE_PAGE] = {0};
    struct stat st;

    for (int n = 0; n < 1000; n++) {
        add(o.zone, apr_psprintf(pool, "song%d", n), 1);
    }
    playcount_zone_sync(o.zone);
    head = *o.zone->head;
    intact = o.zone->slots[500];
    close_zone(&o);

    overwrite(path, offsetof(zone_header, keys_end), &(uint64_t){UINT64_MAX}, 8);
    refused(path, 1000, "its header does not describe",
            "an endless number of keys");
    overwrite(path, offsetof(zone_header, keys_end), &head.keys_end, 8);

    overwrite(path, offsetof(zone_header, version), &(uint32_t){77}, 4);
    refused(path, 1000, "has the layout of version 77", "another version");
    overwrite(path, offsetof(zone_header, version), &head.version, 4);

    overwrite(path, offsetof(zone_header, byte_order), &(uint32_t){0x04030201}, 4);
    refused(path, 1000, "another byte order", "another machine's file");
    overwrite(path, offsetof(zone_header, byte_order), &head.byte_order, 4);

    for (size_t at = 16; at < offsetof(zone_header, check) + 8; at += 8) {
        uint64_t was, is_now;
        memcpy(&was, (char *)&head + at, 8);
        is_now = was + 1;
        overwrite(path, at, &is_now, 8);
        o = open_zone(path, 1000, 0);
        if (!ok(o.rv != APR_SUCCESS, "a changed header is refused: %s", o.why)) {
            printf("# at byte %zu\n", at);
        }
        close_zone(&o);
        overwrite(path, at, &was, 8);
    }

    overwrite(path, slot_at + offsetof(slot, id), "sonk", 4);
    refused(path, 1000, "a song in it is damaged", "a changed id");
    overwrite(path, slot_at, &intact, sizeof(intact));

    overwrite(path, head.at.slots + ZONE_PAGE, page, sizeof(page));
    refused(path, 1000, "are missing", "a page of zeros among the songs");

    stat(path, &st);
    is(truncate(path, st.st_size - ZONE_PAGE), 0, "cut off");
    refused(path, 1000, "header does not fit its size", "a file cut short");
}

/* Songs that never reached the disk leave gaps; what stands between stays. */
static void gaps(void)
{
    const char *path = apr_pstrdup(pool, test_path("gaps"));
    opened o = open_zone(path, 1000, 0);
    uint64_t slots = o.zone->head->at.slots;
    char page[ZONE_PAGE] = {0};
    playcount_song song;
    playcount_cursor c;
    int good = 1, n = 0;

    for (int i = 0; i < 400; i++) {
        add(o.zone, apr_psprintf(pool, "song%d", i), (uint64_t)i + 1);
        if (i == 99) {
            playcount_zone_sync(o.zone);
        }
    }
    close_zone(&o);
    overwrite(path, slots + ZONE_PAGE, page, sizeof(page));

    o = open_zone(path, 1000, 0);
    is(o.rv, APR_SUCCESS, "a file with a page from before its songs opens");
    is(o.file.gaps, 128, "and says how many songs it lost");
    for (playcount_zone_begin(o.zone, &c); playcount_zone_next(o.zone, &c, &song);
         n++) {
        int i = n < 128 ? n : n + 128;

        good &= song.count == (uint64_t)i + 1;
        good &= get(o.zone, apr_psprintf(pool, "song%d", i)) == (uint64_t)i + 1;
    }
    ok(good && n == 272, "the others are there, in their order");
    is(add(o.zone, "song130", 1), 1, "a lost one can be played again");
    close_zone(&o);
    o = open_zone(path, 1000, 0);
    is(o.file.gaps, 0, "the gaps are gone for good");
    close_zone(&o);
}

/* A clear must not be undone by what stood there a great many clears before. */
static void many_clears(void)
{
    const char *path = apr_pstrdup(pool, test_path("clears"));
    opened o = open_zone(path, 300000, 0);
    playcount_batch b;

    add(o.zone, "handed", 1);
    playcount_batch_take(o.zone, &b);
    playcount_zone_clear(o.zone);
    for (int n = 0; n < 30; n++) {
        add(o.zone, apr_psprintf(pool, "old%d", n), 1000);
    }
    for (int n = 0; n < 700000; n++) {
        playcount_zone_clear(o.zone);
    }
    add(o.zone, "new", 1);
    close_zone(&o);
    o = open_zone(path, 300000, 0);
    is(o.rv, APR_SUCCESS, "a zone that was cleared 700,000 times opens");
    ok(!strcmp(listing(pool, o.zone), "new=1"), "with the songs since");
    is(playcount_batch_get(o.zone, &b), APR_SUCCESS, "its batch still open");
    for (int n = 0; n < 348575; n++) {
        playcount_zone_clear(o.zone);
    }
    playcount_zone_clear(o.zone);
    add(o.zone, "newer", 1);
    close_zone(&o);
    o = open_zone(path, 300000, 0);
    ok(!strcmp(listing(pool, o.zone), "newer=1"),
       "also when the epoch has come round");
    close_zone(&o);
}

static void full(const char *how, const char *path)
{
    opened o = open_zone(path, 10, 0);
    const char *why = o.why;

    if (o.rv != APR_SUCCESS) {
        ok(0, "%s: a small zone fits: %s", how, why);
        return;
    }
    add(o.zone, "a", 5);
    close_zone(&o);
    refused(path, 1000000, "cannot have its",
            apr_psprintf(pool, "%s: growing", how));
    ok(access(apr_pstrcat(pool, path, ".new", NULL), F_OK) != 0,
       "%s: nothing is left over", how);
    o = open_zone(path, 10, 0);
    is(get(o.zone, "a"), 5, "the old file goes on");
    close_zone(&o);
    unlink(path);
    refused(path, 1000000, "cannot have its",
            apr_psprintf(pool, "%s: making", how));
    ok(access(path, F_OK) != 0, "%s: no file is made", how);
}

/* A whole write, or no more room. */
static void fill_up(const char *path)
{
    static char bytes[65536];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    while (write(fd, bytes, sizeof(bytes)) > 0) {
    }
    close(fd);
}

static void holes_on_a_full_disk(const char *dir)
{
    const char *whole = apr_pstrdup(pool, test_path("whole"));
    const char *path = apr_pstrcat(pool, dir, "/sparse", NULL);
    const char *filler = apr_pstrcat(pool, dir, "/filler", NULL);
    opened o = open_zone(whole, 10000, 0);

    add(o.zone, "a", 3);
    close_zone(&o);
    if (system(apr_psprintf(pool, "cp --sparse=always %s %s", whole, path))) {
        ok(1, "no cp that makes holes");
        return;
    }
    fill_up(filler);
    refused(path, 10000, "has holes", "a file with holes on a full disk");
    unlink(filler);
    o = open_zone(path, 10000, 0);
    is(get(o.zone, "a"), 3, "when there is room it is opened");
    close_zone(&o);
}

static void full_disk(void)
{
    char dir[128];
    struct rlimit was, limit;

    snprintf(dir, sizeof(dir), "%s", test_path("small"));
    if (mkdir(dir, 0700) == 0 &&
        mount("none", dir, "tmpfs", MS_NOSUID | MS_NODEV, "size=8m") == 0) {
        full("full disk", apr_pstrcat(pool, dir, "/zone", NULL));
        holes_on_a_full_disk(dir);
        umount2(dir, MNT_DETACH);
    }
    else {
        printf("# no small disk could be mounted: only the limit is tried\n");
    }
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    limit = was;
    limit.rlim_cur = 8 << 20;
    setrlimit(RLIMIT_FSIZE, &limit);
    full("file size limit", apr_pstrdup(pool, test_path("limited")));
    setrlimit(RLIMIT_FSIZE, &was);
}

int main(void)
{
    pool = test_pool();
    made_and_found_again();
    killed();
    sizes();
    leftovers();
    not_ours();
    planted();
    sparse();
    damaged();
    gaps();
    many_clears();
    full_disk();
    return done_testing();
}
