/* Opening and recovering a zone file with some bytes of it changed.
 *
 * The first byte says in which size the file is opened, its own or a larger one.
 * The rest of the input is a list of changes, each of a block (two bytes), an
 * offset in it (one), a length (one) and as many bytes, up to eight, applied to the
 * file of a zone that has songs, keys and an open batch. Only blocks that are in
 * use, and the one behind each, are numbered: most of the file is empty. It is
 * refused then, with a sentence, or opened; an opened zone answers everything, and
 * takes plays, without a crash and in the time of its size.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/body.h"

#include "shm/zone/batches.h"
#include "shm/zone/file.h"
#include "shm/zone/keys.h"
#include "shm/zone/sync.h"

enum { SONGS = 40, KEYS = 4, BLOCK = 256 };

static char path[64];
static char *image;
static size_t image_size;
static size_t *blocks, blocks_n; /* where the numbered ones begin */

static void remove_file(void)
{
    unlink(path);
}

static void play_batch(playcount_zone *zone, const char *prefix, int n,
                       const playcount_claim *claim)
{
    playcount_play plays[16];
    char ids[16][16];

    for (int i = 0; i < n; i++) {
        plays[i].length =
            (uint8_t)snprintf(ids[i], sizeof(ids[i]), "%s%d", prefix, i);
        plays[i].id = ids[i];
        plays[i].by = 1;
        plays[i].hash = playcount_zone_hash(zone, ids[i], plays[i].length);
    }
    playcount_zone_add_many(zone, plays, (apr_size_t)n, claim);
}

static void use_key(playcount_zone *zone, const char *name, int n)
{
    playcount_key key = playcount_key_hash(zone, name, strlen(name));
    playcount_claim claim = {0, 1};
    uint64_t counts[16];
    apr_status_t rv = playcount_key_claim(zone, &key, 1000, 60, &claim);

    if (rv == APR_SUCCESS) {
        play_batch(zone, name, n, &claim);
    }
    else if (rv == APR_EEXIST) {
        playcount_key_recall(zone, &key, 1, counts, (apr_size_t)n);
    }
}

static void use_batch(playcount_zone *zone, int acknowledge)
{
    playcount_batch batch;
    playcount_batch_cursor cursor;
    playcount_song song;
    int songs = 0;

    if (playcount_batch_take(zone, &batch) != APR_SUCCESS) {
        return;
    }
    playcount_batch_begin(zone, &batch, &cursor);
    while (playcount_batch_next(zone, &cursor, &song) == 1) {
        CHECK(song.length >= 1 && ++songs <= 2 * SONGS);
    }
    if (acknowledge) {
        playcount_batch_acknowledge(zone, batch.number);
    }
}

static int list(playcount_zone *zone)
{
    playcount_cursor cursor;
    playcount_song song;
    int songs = 0;

    playcount_zone_begin(zone, &cursor);
    while (playcount_zone_next(zone, &cursor, &song)) {
        CHECK(song.length >= 1 && song.count <= PLAYCOUNT_MAX && ++songs <= SONGS);
    }
    return songs;
}

static void visit(void *context, const playcount_song *song)
{
    *(int *)context += song->length > 0;
}

/* Everything that a server does with a zone. */
static void use(playcount_zone *zone)
{
    playcount_zone_use usage;
    playcount_handoff_use handoff;
    uint64_t count;
    int n = 0;

    list(zone);
    playcount_zone_usage(zone, &usage);
    playcount_handoff_usage(zone, &handoff);
    playcount_batch_take_at_open(zone);
    playcount_zone_get(zone, "a0", 2);
    playcount_zone_add(zone, "a1", 2, 1, &count);
    playcount_zone_add(zone, "new", 3, PLAYCOUNT_MAX, &count);
    use_key(zone, "a", 8);
    use_key(zone, "k", 3);
    use_batch(zone, 1);
    use_batch(zone, 0);
    playcount_zone_top(zone, 5, visit, &n);
    CHECK(n <= 5);
    list(zone);
    playcount_zone_clear(zone);
    playcount_zone_add(zone, "new", 3, 1, &count);
    CHECK(list(zone) <= 1);
    use_batch(zone, 1);
}

static playcount_zone *open_file(apr_pool_t *pool, unsigned times, const char **why)
{
    playcount_zone_size zone_size = {times * SONGS, times * KEYS};
    playcount_file file;
    playcount_zone *zone;

    *why = "";
    if (playcount_file_open(&file, path, &zone_size, pool, why) != APR_SUCCESS) {
        return NULL;
    }
    zone = playcount_zone_attach(pool, file.memory, NULL);
    playcount_zone_set_in_file(zone);
    return zone;
}

static int is_used(const char *block)
{
    static const char empty[BLOCK];

    return memcmp(block, empty, BLOCK) != 0;
}

/* The file that is changed: songs, keys, a batch that was acknowledged and one that
 * is open, some songs played since, one registered last. */
static void make_image(void)
{
    apr_pool_t *pool;
    playcount_zone *zone;
    const char *why;
    struct stat st;
    uint64_t count;
    int fd;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    snprintf(path, sizeof(path), "/dev/shm/playcount-fuzz-%d", (int)getpid());
    atexit(remove_file);
    zone = open_file(pool, 1, &why);
    CHECK(zone);
    play_batch(zone, "a", 8, NULL);
    use_batch(zone, 1);
    use_key(zone, "k", 3);
    use_key(zone, "l", 2);
    use_batch(zone, 0);
    playcount_zone_add(zone, "a2", 2, 5, &count);
    playcount_zone_add(zone,
                       "a rather long id, as some are: /music/album/title.mp3", 52,
                       1, &count);
    apr_pool_destroy(pool);
    fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && fstat(fd, &st) == 0);
    image_size = (size_t)st.st_size;
    image = malloc(image_size);
    CHECK(pread(fd, image, image_size, 0) == (ssize_t)image_size);
    close(fd);
    blocks = calloc(image_size / BLOCK, sizeof(*blocks));
    for (size_t at = 0, used = 0; at + BLOCK <= image_size; at += BLOCK) {
        used = is_used(image + at) ? 2 : used ? used - 1 : 0;
        if (used) {
            blocks[blocks_n++] = at;
        }
    }
}

static void write_file(const uint8_t *data, size_t size)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    char *map;

    CHECK(fd >= 0 && ftruncate(fd, (off_t)image_size) == 0);
    map = mmap(NULL, image_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    memcpy(map, image, image_size);
    while (size >= 5) {
        size_t at = blocks[(data[0] | data[1] << 8) % blocks_n] + data[2];
        size_t n = data[3] % 8u + 1;

        n = n < size - 4 ? n : size - 4;
        n = n < image_size - at ? n : image_size - at;
        memcpy(map + at, data + 4, n);
        data += 4 + n;
        size -= 4 + n;
    }
    munmap(map, image_size);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    playcount_zone *zone;
    const char *why;

    if (!image) {
        make_image();
    }
    write_file(data + (size > 0), size - (size > 0));
    apr_pool_create(&pool, NULL);
    if ((zone = open_file(pool, size && data[0] & 1 ? 2 : 1, &why))) {
        use(zone);
    }
    else {
        CHECK(*why);
    }
    apr_pool_destroy(pool);
    return 0;
}
