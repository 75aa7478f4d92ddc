/* Zones of layout version 1: see version1.h. */

#include "shm/zone/version1.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/zone/hash.h"
#include "shm/zone/layout.h"

/* The fixed fields as they were. */
typedef struct {
    char magic[8];
    uint32_t version, byte_order;
    uint64_t songs, index_size, heap_words, keys, answers, seed, identity;
    struct {
        uint64_t index, slots, marks, wide, heap, journal, keys, key_index, answers,
            end;
    } at;
    uint64_t check;
} fixed_1;

/* What follows `failing` began on the next line of the cache. */
#define LINE 64
#define TAIL_1 ((offsetof(zone_header, writers) + LINE - 1) / LINE * LINE)

typedef struct {
    uint64_t keys_end, answers_end;
    _Alignas(LINE) uint64_t synced;
    uint64_t boot, full_logged_at;
} tail_1;

static_assert(sizeof(fixed_1) < offsetof(zone_header, state) &&
                  offsetof(zone_header, state) % LINE == 0,
              "what changes begins at the same place in both");

/* The places of the regions: those of today without the shares. */
static void lay_out(fixed_1 *f, const playcount_zone_size *size)
{
    zone_header head = {0};
    uint64_t shares;

    playcount_layout(&head, size);
    shares = head.at.heap - head.at.shares;
    f->index_size = head.index_size;
    f->heap_words = head.heap_words;
    f->answers = head.answers;
    f->at.index = head.at.index;
    f->at.slots = head.at.slots;
    f->at.marks = head.at.marks;
    f->at.wide = head.at.wide;
    f->at.heap = head.at.heap - shares;
    f->at.journal = head.at.journal - shares;
    f->at.keys = head.at.keys - shares;
    f->at.key_index = head.at.key_index - shares;
    f->at.answers = head.at.answers - shares;
    f->at.end = head.at.end - shares;
}

int playcount_version1_is_sound(const void *header, uint64_t bytes,
                                playcount_zone_size *size)
{
    const fixed_1 *f = header;
    fixed_1 expected;

    if (f->version != 1 || f->check != XXH3_64bits(f, offsetof(fixed_1, check)) ||
        f->songs < 1 || f->songs > PLAYCOUNT_SONGS_MAX ||
        f->keys > PLAYCOUNT_KEYS_MAX) {
        return 0;
    }
    *size = (playcount_zone_size){f->songs, f->keys};
    lay_out(&expected, size);
    return !memcmp(&expected.at, &f->at, sizeof(f->at)) &&
           expected.index_size == f->index_size &&
           expected.heap_words == f->heap_words && expected.answers == f->answers &&
           bytes == f->at.end;
}

/* Rewrite the header for a zone whose shares stand behind all else. */
static void translate(char *memory, uint64_t shares)
{
    zone_header *head = (zone_header *)memory;
    fixed_1 f;
    tail_1 t;

    memcpy(&f, memory, sizeof(f));
    memcpy(&t, memory + TAIL_1, sizeof(t));
    memset(memory + sizeof(f), 0, offsetof(zone_header, state) - sizeof(f));
    memset(memory + offsetof(zone_header, writers), 0,
           sizeof(*head) - offsetof(zone_header, writers));
    head->version = 2; /* whose words are the same */
    head->at = (regions){.index = f.at.index,
                         .slots = f.at.slots,
                         .marks = f.at.marks,
                         .wide = f.at.wide,
                         .shares = shares,
                         .heap = f.at.heap,
                         .journal = f.at.journal,
                         .keys = f.at.keys,
                         .key_index = f.at.key_index,
                         .answers = f.at.answers,
                         .end = f.at.end};
    head->keys_end = t.keys_end;
    head->answers_end = t.answers_end;
    head->synced = t.synced;
    head->boot = t.boot;
    head->full_logged_at = t.full_logged_at;
}

void *playcount_version1_map(int fd, uint64_t bytes, uint64_t *mapped)
{
    playcount_zone_size size;
    zone_header head = {0};
    char *memory;

    if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
        !playcount_version1_is_sound(&head, bytes, &size)) {
        errno = EINVAL;
        return NULL;
    }
    playcount_layout(&head, &size);
    *mapped = bytes + (head.at.heap - head.at.shares);
    memory = mmap(NULL, *mapped, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    if (mmap(memory, bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, 0) == MAP_FAILED) {
        munmap(memory, *mapped);
        return NULL;
    }
    translate(memory, bytes);
    return memory;
}
