/* The layout of a zone: one segment of memory, the same in anonymous memory
 * and in a file. Only the files of shm/zone/ and their tests include this.
 *
 *   +--------------------------------------------------------------------+
 *   | header   4 KiB: what the zone is (fixed), what it holds (changing)  |
 *   +--------------------------------------------------------------------+
 *   | index    1.5 x N entries of 4 bytes: hash -> slot                   |
 *   +--------------------------------------------------------------------+
 *   | slots    N x 32 bytes: word, length, check, id        (two a line)  |
 *   +--------------------------------------------------------------------+
 *   | marks    3 x N x 8 bytes: the counts at the last three handoffs     |
 *   +--------------------------------------------------------------------+
 *   | wide     N x 8 bytes: the counts that outgrew their word            |
 *   +--------------------------------------------------------------------+
 *   | shares   4 x N x 8 bytes: whose plays they are, in a cluster        |
 *   +--------------------------------------------------------------------+
 *   | heap     N x 256 bytes: ids longer than 16 bytes                    |
 *   +--------------------------------------------------------------------+
 *   | journal  65,536 x 32 bytes: the batch that is being added           |
 *   +--------------------------------------------------------------------+
 *   | keys     K x 64 bytes, their index, and the answers they repeat     |
 *   +--------------------------------------------------------------------+
 *
 * Every region starts on a page. Pages that nothing was written to take no
 * memory, so a song with an id of up to 16 bytes costs 38 bytes, with
 * handoffs 62, in a cluster up to 86.
 *
 * A slot's word is the heart:
 *
 *    63   62   61        42  41  40                           0
 *   +----+----+------------+---+-----------------------------+
 *   | F  | W  |   epoch    | L |            count            |
 *   +----+----+------------+---+-----------------------------+
 *
 *   epoch  the zone's epoch in which the song was registered. A clear only
 *          raises the zone's epoch, and every older word is dead at once. As
 *          it stands beside the count, an add by compare-and-swap that was
 *          overtaken by a clear and a reuse of the slot fails and looks again:
 *          it can never land in another song. The epoch comes round after
 *          1,048,575 clears; an add would have to sleep through exactly so
 *          many of them. Each clear zeroes the old words in its share of the
 *          slots, so none is left long before that, and any epoch in a word
 *          is known to be older or newer than the zone's.
 *   W      wide: the count stands in wide[slot], which changes under the lock
 *          only. So does a count above 2^41 - 1, and that of a song in a hole
 *          (below). The bits of the count then say which of these it is.
 *   L      left: the song was forgotten, but has plays that are to be handed over.
 *          No reader finds it and no add changes it; batches do, and when they have
 *          its last play, the slot becomes a hole (left.h).
 *   F      the journal holds an amount for this slot that has not been added
 *          yet. One compare-and-swap adds it and clears the bit: see journal.h.
 *          Adds that go on meanwhile carry the bit along and wait for nothing.
 *
 * The slots are used as a ring: the songs of the present epoch are the `used`
 * slots from `first` on, in the order of their first plays. Just before them
 * stand the `ghosts`: slots of earlier epochs that an open handoff still needs.
 * A song that was forgotten leaves a hole among them (holes.h), which a new song
 * gets when there is no other place left.
 *
 * Who writes what: "fixed" at creation; "lock" by the holder of the zone's
 * lock, plainly unless it says atomically; "any" atomically by anyone. In what
 * order, and what a crash between two stores leaves: docs/CRASHES.md.
 */
#ifndef PLAYCOUNT_SHM_LAYOUT_H
#define PLAYCOUNT_SHM_LAYOUT_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "apr_global_mutex.h"

#include "shm/zone/zone.h"

static_assert(ATOMIC_LLONG_LOCK_FREE == 2,
              "64-bit atomics must be free of locks to work between processes");

#define ZONE_MAGIC "PLAYCNT\n"
#define ZONE_VERSION 3 /* 2 had no L, and one more bit of count: look.c */
#define ZONE_BYTE_ORDER 0x01020304u
#define ZONE_PAGE 4096u

#define WORD_FROZEN (1ULL << 63)
#define WORD_WIDE (1ULL << 62)
#define WORD_LEFT (1ULL << 41)
#define WORD_COUNT (WORD_LEFT - 1)
#define EPOCH_SHIFT 42
#define EPOCH_MASK ((1ULL << 20) - 1)

/* The header's state word: the epoch and how many slots it uses, in one word,
 * so that a clear is one store. */
#define STATE_USED WORD_COUNT
#define STATE(epoch, used) ((uint64_t)(epoch) << EPOCH_SHIFT | (used))

/* Ids are kept in words of 8 bytes, filled up with zeros: so they are compared
 * quickly, and read and written atomically word by word. */
#define ID_INLINE 16
#define ID_WORDS 32 /* of the longest id */

typedef struct {
    _Atomic uint64_t word;   /* any: see above */
    uint32_t check;          /* lock: of length, id, epoch and place; of a hole, the
                                next one */
    _Atomic uint32_t length; /* lock, atomically: 1-255 */
    _Atomic uint64_t id[2];  /* lock, atomically: an id of up to 16 bytes, filled
                                up with zeros; of a longer one the hash, and
                                where it stands in the heap, in words */
} slot;

static_assert(sizeof(slot) == 32, "two slots to a cache line");

/* What the holder of the lock is doing, for the next holder if this one dies:
 * docs/CRASHES.md. */
typedef enum {
    OP_NONE,
    OP_REGISTER, /* one new slot: finish it if the slot has its word */
    OP_PREPARE,  /* a journal that does not count yet: undo it */
    OP_COMMIT,   /* a journal that counts: finish it */
    OP_CLEAR,    /* the index is to be emptied */
    OP_KEYS,     /* the index of the keys is to be rebuilt */
    OP_FORGET,   /* a song is forgotten: finish it if its slot is a hole */
    OP_REUSE,    /* a new slot in a hole: finish it if the slot has its word */
    OP_LEAVE,    /* a song is forgotten before its plays are handed over: finish it
                    if its slot's word says so */
    OP_RELEASE,  /* slots of songs that left become holes: go on */
} operation;

typedef struct {
    uint64_t by;    /* lock: the amount to add */
    uint64_t count; /* lock: the count that it led to, 0 before */
    uint32_t place; /* lock: the slot */
    uint32_t fresh; /* lock: journal_fresh */
    union {
        uint64_t shown; /* lock: the count as it is answered; from OP_COMMIT on */
        struct {
            uint32_t next; /* lock: of a hole, the hole after it; until then */
            uint32_t at;   /* lock: of a hole, where its room in the heap is */
        };
    };
} journal_entry;

/* Where a song of the journal stands. */
typedef enum {
    JOURNAL_KNOWN,
    JOURNAL_NEW,  /* new with this batch, at the ring's end */
    JOURNAL_HOLE, /* new in a hole; + the words of its room in the heap */
} journal_fresh;

static_assert(sizeof(journal_entry) == 32, "as drawn");

/* One batch taken out for a consumer. */
typedef struct {
    uint64_t number;   /* lock: as the consumer sees it; never used twice */
    uint64_t previous; /* lock: the number before it, 0 for the first */
    uint64_t epoch;    /* lock: of its songs */
    uint64_t first;    /* lock: the slot of its first song */
    uint64_t used;     /* lock: how many slots it covers */
    uint64_t songs;    /* lock: how many of them have plays to hand over */
    uint64_t plays;    /* lock: how many plays these are */
    uint64_t time;     /* lock: when the taking began, seconds since 1970 */
    uint64_t at_open;  /* lock: 1 if it holds the file as it was opened */
    uint64_t heap_end; /* lock: where its long ids end in the heap */
    uint64_t since;  /* lock: `clean` when it was taken: all its plays came later */
    uint64_t opened; /* lock: `opened` when it was taken */
} batch_record;

/* How many slots of a batch are marked, and what they held. Written to the copy
 * that is not in use, which one store then makes valid: a step is done wholly or
 * is repeated. */
typedef struct {
    uint64_t slots, songs, plays;
} batch_progress;

/* Whose plays a song's are, in a cluster (writer.h): four words beside each slot,
 *
 *    63                 44 43                                 0
 *   +--------------------+-------------------------------------+
 *   |       epoch        |                plays                |
 *   +--------------------+-------------------------------------+
 *
 * A word counts only if its epoch is that of the slot's word: so a clear need not
 * touch it. Three are counts as they were once, before[], which change their
 * places: a fork makes what was noted the beginning, and the beginning the old one.
 * The fourth is what others have. */
#define SHARE_SHIFT 44
#define SHARE_PLAYS ((1ULL << SHARE_SHIFT) - 1)

/* The zone as a writer. Written where no reader looks, then made valid by one
 * store.
 */
typedef struct {
    uint64_t state;      /* lock: playcount_writer_state */
    uint64_t writer;     /* lock: its number, random */
    uint64_t claim;      /* lock: of the last opening, milliseconds since 1970 */
    uint64_t epoch;      /* lock: of the cluster, 0 before it was ever met */
    uint64_t zone_epoch; /* lock: which epoch of the zone stands for it */
    uint64_t known;      /* lock: 1 if it was proven under this number once */
    uint64_t next;       /* lock: the number after a fork */
    uint64_t old;        /* lock: the number before the last fork, 0 for none */
    uint64_t
        k; /* lock: before[k] is the beginning, k + 1 noted, k + 2 the old one */
    uint64_t device, inode, node; /* lock: where it was opened last, and for whom */
} writer_record;

/* So many songs at a time may have been forgotten and wait for a batch. */
#define LEFT_MAX 256

/* In a mark, beside the plays: it has not all of the song's, as one of the same id
 * left and is in the batch (left.h). So it is not 0. */
#define MARK_HELD (1ULL << 63)

/* Where a region starts, from the beginning of the segment, in bytes. */
typedef struct {
    uint64_t index, slots, marks, wide, shares, heap, journal, keys, key_index,
        answers, end;
} regions;

typedef struct {
    /* fixed, covered by `check` */
    char magic[8];
    uint32_t version;
    uint32_t byte_order;
    uint64_t songs;      /* N, the capacity */
    uint64_t index_size; /* entries of the index */
    uint64_t heap_words; /* words of the heap */
    uint64_t keys;       /* K */
    uint64_t answers;    /* counts kept for the answers to batches with keys */
    uint64_t seed;       /* of the hash: random, so that no client can choose ids
                            that collide */
    uint64_t identity;   /* random: tells this zone from all others */
    regions at;
    uint64_t check;

    /* changing; on lines of their own, apart from what only readers touch */
    _Alignas(64) _Atomic uint64_t state; /* lock, atomically: epoch and used */
    _Atomic uint64_t first[2];  /* lock, atomically: by the parity of the epoch,
                                   so that a clear writes the one not in use */
    _Atomic uint64_t ghosts[2]; /* lock: the same */
    uint64_t heap_from[2];      /* lock: the same: where its long ids begin */
    uint64_t heap_end;          /* lock: the word where the next long id goes */
    uint64_t reach;             /* lock: slots from here on were never written */

    _Alignas(64) _Atomic uint32_t op; /* lock, atomically: operation */
    uint32_t op_entries;              /* lock: entries of the journal */
    uint64_t op_used;                 /* lock: `used` after the operation */
    uint64_t op_heap_end;             /* lock: heap_end before the operation */
    uint64_t op_epoch;                /* lock: the epoch of the operation */
    uint64_t op_key; /* lock: the claim that the operation completes, or 0 */
    uint64_t op_fingerprint; /* lock: the fingerprint of its request */
    uint64_t op_answers;     /* lock: where its answers go */

    /* handoff: batch q is batches[q % 3], its marks are marks[q % 3] */
    _Alignas(64) _Atomic uint64_t taken; /* lock, atomically: batches ever taken */
    _Atomic uint64_t acked;   /* lock, atomically: the last one acknowledged */
    _Atomic uint64_t durable; /* any: the last one known to be on the disk */
    batch_record batches[3];
    batch_record next;          /* lock: the batch that is being taken; its `number`
                                   is its sequence; its `time` is 0 when none is */
    batch_progress progress[2]; /* lock: how far that is; by the parity of ... */
    _Atomic uint64_t progress_step; /* lock, atomically: ... the steps made */
    uint64_t handed_time; /* lock: plays before this second are handed over */
    uint64_t opened; /* lock: when the file was opened last, as a batch's number */
    uint64_t clean;  /* lock: the last opening at which no plays were left that
                        no batch held */
    _Atomic uint64_t failures; /* any: deliveries that failed */
    _Atomic uint64_t failing;  /* any: why, as a number; 0 if they succeed */

    /* cluster: the record in force is writers[writer_step & 1] */
    writer_record writers[2];
    _Atomic uint64_t writer_step; /* lock, atomically: steps made, 0 for none */

    /* keys: the ring */
    _Alignas(64) uint64_t keys_end; /* lock: keys ever claimed */
    uint64_t answers_end;           /* lock: answers ever kept */

    /* files */
    _Alignas(64) _Atomic uint64_t synced; /* any: `state` as it was when the last
                                             sync began that has ended */
    uint64_t boot; /* at opening: which start of the system used the file last */
    _Atomic uint64_t
        full_logged_at; /* any: when the log was told that it is full */

    /* Older files have 0 here. */
    _Atomic uint64_t refused_songs; /* any: that the consumer keeps aside; shown */
    _Atomic uint64_t refused_plays; /* any: the same */
    /* holes; 0 in files that were made before there were any */
    _Alignas(64) uint64_t holes[2]; /* lock: how many; by the parity of the epoch */
    uint64_t hole[2];               /* lock: 1 + the first of them, 0 for none */
    _Atomic uint64_t forgotten;     /* lock, atomically: songs ever forgotten */
    _Atomic uint64_t moved;         /* lock, atomically: entries of the index that
                                       ever moved */
    _Atomic uint64_t generation; /* lock, atomically: holes ever given to a song */
    _Atomic uint64_t
        generation_synced;        /* any: `generation` when `synced` was `state` */
    uint64_t batch_generation[3]; /* lock: 1 + `generation` when the batch's taking
                                     began; of batches */
    uint64_t next_generation;     /* lock: the same, of next */
    uint64_t op_place;            /* lock: the slot that is forgotten, left or
                                     reused */
    uint64_t op_hole;             /* lock: `hole` after the operation; for
                                     OP_FORGET before it */
    uint64_t op_holes;            /* lock: `holes` after the operation */
    uint64_t op_cell;             /* lock: of the hole that is reused, the words of
                                     its room in the heap */
    uint64_t op_cell_at;          /* lock: and where it is */
    uint64_t op_generation;       /* lock: `generation` after the operation */
    uint64_t op_forgotten;        /* lock: `forgotten` after the operation */

    /* who has the lock */
    _Alignas(
        64) _Atomic uint64_t holder; /* lock, atomically: its process, 0 if none */
    _Atomic uint64_t turns;  /* lock, atomically: how often it was acquired */
    _Atomic uint64_t frozen; /* any: 1 + `turns` when it was found frozen */
    _Atomic uint64_t frozen_logged_at; /* any: when the log was told */

    /* cluster, to be shown only; 0 in older files. All by the process that delivers
     */
    _Alignas(64) _Atomic uint64_t round_time; /* seconds since 1970 */
    _Atomic uint64_t unread_tags, unfit_songs, forgotten_tags;

    /* handoff: why the last delivery failed, as text, to be shown only; 0 in older
     * files. Any: words of two that write at once may stand side by side. */
    _Alignas(64) _Atomic uint64_t why[(PLAYCOUNT_WHY_MAX + 1) / 8];

    /* left.h; 0 in older files */
    _Alignas(64) uint32_t left[LEFT_MAX]; /* lock: their slots; an entry whose slot
                                             has no L of this epoch is void */
    uint32_t left_n;                      /* lock: entries */
    uint32_t op_left;                     /* lock: left_n after the operation */
} zone_header;

static_assert(sizeof(zone_header) <= ZONE_PAGE, "the header is one page");

/* One idempotency key and the answer it got. Cell c holds the claims c, c + K,
 * c + 2K, ...: the last K. */
typedef enum { KEY_FREE, KEY_CLAIMED, KEY_ANSWERED } key_state;

typedef struct {
    uint64_t id[2];         /* lock: hash of the key */
    uint64_t fingerprint;   /* lock: hash of the request, once answered */
    uint64_t time;          /* lock: of the claim, seconds since 1970 */
    uint64_t claim;         /* lock: its number, from 1 on */
    uint64_t answer;        /* lock: the count, or where the counts are kept */
    uint32_t counts;        /* lock: how many counts answer it */
    uint32_t next;          /* lock: 1 + the next cell under this index entry */
    uint32_t owner;         /* lock: the process that answers it; once answered, the
                               check of its counts */
    _Atomic uint32_t state; /* lock, atomically: key_state */
} key_cell;

static_assert(sizeof(key_cell) == 64, "one cell to a cache line");

/* A zone as a process sees it. */
struct playcount_zone {
    zone_header *head;
    _Atomic uint32_t *index;
    slot *slots;
    _Atomic uint64_t *marks[3];
    _Atomic uint64_t *wide;
    _Atomic uint64_t *before[3]; /* syncing process, atomically */
    _Atomic uint64_t *others;    /* syncing process, atomically */
    playcount_zone *local; /* with shows_totals: a handle that shows no totals */
    _Atomic uint64_t *heap;
    journal_entry *journal;
    key_cell *keys;
    uint32_t *key_index;
    uint64_t *answers;

    uint64_t songs;
    uint64_t index_size;
    uint64_t seed;
    uint32_t place_mask;      /* of an index entry: 1 + the slot; the rest is tag */
    apr_global_mutex_t *lock; /* NULL if no other thread uses the zone */
    uint64_t process;         /* this one */
    _Atomic uint32_t waiting; /* threads of it that wait for the lock */
    _Atomic uint32_t *failed; /* the mark (failed.h); NULL: it cannot fail */
    int in_file;
    int shows_totals; /* what others have is part of what is shown */
    int handed_over;  /* no play may be forgotten before a batch has it */
    int distrusted; /* while a file is opened: its pages may be of different moments
                     */
};

/* Where each region starts for these sizes. */
void playcount_layout(zone_header *head, const playcount_zone_size *size);

/* 1 if the fixed fields agree with each other and with a segment of so many bytes.
 */
int playcount_layout_is_sound(const zone_header *head, uint64_t bytes);
uint64_t playcount_layout_check(const zone_header *head);

/* --- words --- */

static inline uint64_t word_epoch(uint64_t w)
{
    return w >> EPOCH_SHIFT & EPOCH_MASK;
}

/* 1 if a song of this epoch has this word, and was not forgotten. */
static inline int word_is_live(uint64_t w, uint64_t epoch)
{
    return (w >> (EPOCH_SHIFT - 1) & (EPOCH_MASK << 1 | 1)) == epoch << 1;
}

/* 1 if a song of this epoch has this word and was forgotten. */
static inline int word_is_left(uint64_t w, uint64_t epoch)
{
    return word_epoch(w) == epoch && (w & WORD_LEFT);
}

static inline uint64_t zone_state(const playcount_zone *z)
{
    return atomic_load_explicit(&z->head->state, memory_order_acquire);
}

static inline uint64_t next_epoch(uint64_t epoch)
{
    /* 0 is the epoch of a slot that was never used. */
    return epoch == EPOCH_MASK ? 1 : epoch + 1;
}

static inline uint64_t count_sum(uint64_t count, uint64_t by)
{
    return by > PLAYCOUNT_MAX - count ? PLAYCOUNT_MAX : count + by;
}

/* The count of a slot whose word was read as w. */
static inline uint64_t word_value(const playcount_zone *z, uint64_t place,
                                  uint64_t w)
{
    return w & WORD_WIDE
               ? atomic_load_explicit(&z->wide[place], memory_order_acquire)
               : w & WORD_COUNT;
}

/* The plays that a mark says. */
static inline uint64_t mark_plays(const _Atomic uint64_t *mark)
{
    return atomic_load_explicit(mark, memory_order_acquire) & ~MARK_HELD;
}

/* The plays of a share's word, 0 if it is not of this epoch. */
static inline uint64_t share_plays(const _Atomic uint64_t *at, uint64_t epoch)
{
    uint64_t share = atomic_load_explicit(at, memory_order_relaxed);

    return share >> SHARE_SHIFT == epoch ? share & SHARE_PLAYS : 0;
}

/* The count as it is shown: in a cluster with what the others have. */
static inline uint64_t shown_count(const playcount_zone *z, uint64_t place,
                                   uint64_t epoch, uint64_t count)
{
    return z->shows_totals ? count_sum(count, share_plays(&z->others[place], epoch))
                           : count;
}

/* Record the operation for the next holder of the lock. A process that is killed
 * has done every store that stands before this in the program and none that stands
 * after it, so the compiler may move no store across it. */
static inline void zone_set_op(playcount_zone *z, operation op)
{
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&z->head->op, op, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

#endif
