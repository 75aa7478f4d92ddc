/* The memory of what is known of listeners, drawn. Inside shm/media/ only; media.h
 * is the manual.
 *
 *     +--------------------+ 0
 *     | header, one page   |
 *     +--------------------+
 *     | files              | 32,768 cells
 *     +--------------------+
 *     | generation 0: fp   | 8 bytes x slots     numbers of listeners, or 0
 *     |               at   | 4 bytes x slots     when their window began
 *     | generation 1, 2    |
 *     +--------------------+
 *     | stripe 0           | lock, scratch, numbers, downloads
 *     | stripe 1 ...       |
 *     +--------------------+
 *
 * Generations. Two belong to a day each; the third is empty, or being emptied. When
 * a new day comes, the empty one gets a random key and then, by one store, the day:
 * from then on it is in use. After that the older of the other two loses its day
 * and its key.
 *
 *     gen.day    D-1        D         0
 *                (key)      (key)     empty          day D+1 comes:
 *                0          D         D+1 (key)      gen 0 is emptied by the sweep
 *
 * A process killed on the way leaves three generations with a day (the next one
 * that looks drops the oldest), or one that is half emptied (`dirty` says so; it is
 * emptied again). A thread that has read a day and its key just before they go
 * writes a number into a generation that is no more: it takes a place there and
 * matches nobody.
 *
 * Counted. A listener's number stands in the first free place from where its upper
 * bits lead. Places are never freed while the generation has its day, so whoever
 * looks for a number finds it before the first 0, and of two who write the same
 * number one finds that the other was first: the compare-and-swap decides who
 * counts.
 *
 * Open. The listener's number leads to a stripe. Under its lock:
 *
 *     scratch = the new content, number and place
 *     pending = 1                    -- from here on it is done
 *     download[place] = scratch
 *     fp[place] = the number
 *     pending = 0
 *
 * Whoever gets the lock from a process that died does the last three again, if
 * pending says so; before `pending` nothing had changed. To forget is one store:
 * fp[place] = 0.
 */
#ifndef PLAYCOUNT_SHM_MEDIA_LAYOUT_H
#define PLAYCOUNT_SHM_MEDIA_LAYOUT_H

#include <pthread.h>
#include <stdatomic.h>

#include "media/rules/listener.h"
#include "media/rules/union.h"
#include "shm/media/media.h"

#define PLAYCOUNT_MEDIA_MAGIC 0x616964656d6c7070ULL /* "pplmedia" */
#define PLAYCOUNT_MEDIA_VERSION 1
#define PLAYCOUNT_MEDIA_PAGE 4096
#define PLAYCOUNT_GENERATIONS 3
#define PLAYCOUNT_MEDIA_FILES 32768
/* A number that no listener has: it stands in places that older versions gave up.
 */
#define PLAYCOUNT_TAKEN_BACK UINT64_MAX
#define PLAYCOUNT_REFUSED UINT32_MAX /* instead of when a window began */

/* A stripe has places for so many downloads on an average, and so many in fact: as
 * the numbers are random, one of a million stripes is short of places then. */
#define PLAYCOUNT_STRIPE_MEAN 256
#define PLAYCOUNT_STRIPE_PLACES 344

typedef struct {
    _Atomic int64_t day;     /* 0: none. Written under the header's lock */
    _Atomic uint64_t key[2]; /* before `day`; 0 after it has gone */
    _Atomic uint64_t used;   /* places taken. A kill can leave it one too high */
    _Atomic uint32_t dirty;  /* 1: must be emptied before it gets a day */
} playcount_generation;

typedef struct {
    uint64_t magic; /* written last by format */
    uint32_t version, places;
    playcount_media_shape shape;
    uint64_t slots;       /* of a generation */
    uint64_t stripes;     /* a power of two */
    pthread_mutex_t lock; /* of the generations' days; robust */
    playcount_generation generation[PLAYCOUNT_GENERATIONS];
    _Atomic uint64_t said_full; /* the minute in which it was logged */
    _Alignas(
        64) _Atomic uint64_t verdicts[PLAYCOUNT_VERDICTS]; /* each by one add */
} playcount_media_header;

_Static_assert(sizeof(playcount_media_header) <= PLAYCOUNT_MEDIA_PAGE,
               "the header has a page");

/* A measured file. Written without a lock: `check` tells whether the six words
 * belong together. What does not is measured again. */
typedef struct {
    _Atomic uint64_t word[7]; /* number, size, begin, end, need, seconds; check */
    uint64_t unused;
} playcount_media_file;

/* What one listener has got, packed: offsets of 48 bits, up to 280 TB. */
#define PLAYCOUNT_PACKED (6 + PLAYCOUNT_UNION_PIECES * 18)

typedef struct {
    int64_t first; /* when the window began, seconds since 1970 */
    uint32_t day;  /* the day of its generation */
    uint8_t packed[PLAYCOUNT_PACKED];
} playcount_download;

typedef struct {
    pthread_mutex_t lock;     /* robust */
    _Atomic uint32_t pending; /* 1: scratch is to be copied. Under the lock */
    uint16_t place;           /* where to; with scratch */
    uint16_t top;             /* the places from here on are free; 0: not known yet.
                                 Under the lock; a kill can leave it too high */
    uint64_t number;          /* with scratch */
    playcount_download scratch;
    _Atomic uint64_t fp[PLAYCOUNT_STRIPE_PLACES]; /* under the lock; 0: free */
    playcount_download download[PLAYCOUNT_STRIPE_PLACES];
} playcount_stripe;

struct playcount_media {
    playcount_media_header *header;
    _Atomic uint64_t *fp[PLAYCOUNT_GENERATIONS];
    _Atomic uint32_t *at[PLAYCOUNT_GENERATIONS];
    uint64_t slots; /* as in the header, where they never change */
    playcount_media_file *files;
    playcount_stripe *stripe;
    _Atomic uint32_t
        *failed; /* the mark of shm/fault/fault.h; NULL without a file */
};

/* segment.c: the handle of a memory. */
void playcount_media_map(playcount_media *media, void *memory);
void playcount_media_lock_make(pthread_mutex_t *lock);

/* Get a lock: 0, EOWNERDEAD with the lock after its owner died (it is consistent
 * again; see to what it protects), ETIMEDOUT after 200 ms. */
int playcount_media_lock_get(pthread_mutex_t *lock);

/* --- days.c: generations --- */

typedef struct {
    unsigned place;
    int64_t day;
    uint8_t key[PLAYCOUNT_LISTENER_KEY];
} playcount_day;

/* Which generation is this day's; -1: there is none. */
static inline int playcount_day_place(const playcount_media *media, int64_t day)
{
    for (int g = 0; g < PLAYCOUNT_GENERATIONS; g++) {
        if (atomic_load(&media->header->generation[g].day) == day) {
            return g;
        }
    }
    return -1;
}

/* The same with its key. 0: there is none. */
int playcount_day_find(playcount_media *media, int64_t day, playcount_day *out);

/* The same, made if the day is a new one. 0: it is older than what is kept, or the
 * lock is not to be had. */
int playcount_day_get(playcount_media *media, int64_t day, playcount_day *out);

/* Empty what has no day. */
void playcount_days_sweep(playcount_media *media);

/* --- counted_table.c --- */

typedef enum {
    PLAYCOUNT_COUNTED_NEW,
    PLAYCOUNT_COUNTED_KNOWN,
    PLAYCOUNT_COUNTED_FULL
} playcount_counted_e;

/* Is the listener counted, in the generation in this place, which is that day's?
 * *first is when its window began, in seconds since 1970. */
int playcount_counted_find(playcount_media *media, unsigned place, int64_t day,
                           uint64_t listener, int64_t *first);
playcount_counted_e playcount_counted_add(playcount_media *media,
                                          const playcount_day *day,
                                          uint64_t listener, int64_t first);
void playcount_counted_take_back(playcount_media *media, unsigned place,
                                 uint64_t listener);

/* --- open_table.c --- */

typedef enum {
    PLAYCOUNT_OPEN_ENOUGH,
    PLAYCOUNT_OPEN_NOT_YET,
    PLAYCOUNT_OPEN_NO_ROOM,
    PLAYCOUNT_OPEN_FROZEN
} playcount_open_e;

/* When the window of a listener with bytes began; 0: it has none. */
int64_t playcount_open_first(playcount_media *media, uint64_t listener);

/* Add intervals to what the listener has. *first is when the window began: the
 * earlier of what is known and what is given. Fills in covered and kept of the
 * result. */
playcount_open_e playcount_open_add(playcount_media *media,
                                    const playcount_day *day, uint64_t listener,
                                    int64_t *first, const playcount_media_got *got,
                                    playcount_media_result *result);

/* How much the listener still needs with these intervals; changes nothing. 0 as the
 * listener's number: nothing is known of it. UINT64_MAX: that cannot be found out.
 */
uint64_t playcount_open_missing(playcount_media *media, uint64_t listener,
                                const playcount_media_got *got);
void playcount_open_forget(playcount_media *media, uint64_t listener);
void playcount_open_sweep(playcount_media *media, int64_t oldest);
uint64_t playcount_open_count(playcount_media *media);

/* Drop what cannot be: for playcount_media_recover(). */
void playcount_open_recover(playcount_media *media);

#endif
