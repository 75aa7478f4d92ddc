/* A zone as one of many writers: what of its counts is its own, and what others
 * have.
 *
 * In a cluster of servers each zone is a *writer* under a random number. It tells
 * the cluster its own count of each song, absolutely, and the cluster keeps for
 * each writer and song the largest number it was told. The total is the sum over
 * the writers. So it does no harm when a number is told twice, late, or again after
 * the cluster has forgotten it: as long as nothing else counts under the same
 * number.
 *
 * Three words for each song hold that, beside its slot (see layout.h):
 *
 *     count  ----------------------------------------+      what the slot has
 *     before[k]  ------------+                       |      what it had when this
 *                            |<---- own count ------>|      writer began
 *     others   -------------------------+                   what is known here of
 *                                                           what the others have
 *
 * A server shows count + others.
 *
 * Who may go on as the same writer? A file that is opened may be what it was when
 * it was closed; but it may be an older state of itself, which the cluster knows
 * more of, or a copy, whose original counts elsewhere. So with each opening the
 * counts are noted. A file that is not where it was (or for another node) is taken
 * for a copy and *forks*: what was noted belongs to the old writer, what comes from
 * now on to a new one. Any other is *unproven*: the noted counts are told to the
 * cluster, and it says of each whether it knows a larger one:
 *
 *     nowhere larger       it goes on under its number: it is *proven*
 *     larger somewhere     it is older than it was, and forks
 *
 * Until then nothing that came after the opening is told. So an older file's new
 * plays come on top of what the cluster has, and a copy's past counts once.
 *
 * Who writes: the process that delivers, one at a time except during a graceful
 * restart, when two may do the same; the steps from one state to the next are under
 * the zone's lock, so each is made once. A step is on the disk before it is acted
 * upon.
 */
#ifndef PLAYCOUNT_SHM_WRITER_H
#define PLAYCOUNT_SHM_WRITER_H

#include "shm/zone/zone.h"

/* Own counts and those of others go up to here: 17,592,186,044,415. */
#define PLAYCOUNT_SHARE_MAX ((1ULL << 44) - 1)

typedef enum {
    PLAYCOUNT_WRITER_NONE,     /* never delivered to a cluster */
    PLAYCOUNT_WRITER_UNPROVEN, /* opened, and not yet compared with the cluster */
    PLAYCOUNT_WRITER_PROVEN    /* its own counts are told as they are */
} playcount_writer_state;

typedef struct {
    playcount_writer_state state;
    uint64_t writer;     /* its number */
    uint64_t old;        /* the one it had before it forked, 0 for none */
    uint64_t claim;      /* number of the opening: what fences hold once proven */
    uint64_t epoch;      /* of the cluster: how often all of it was cleared */
    uint64_t zone_epoch; /* the zone's epoch that stands for it */
    int known;           /* it was proven once under this number */
    uint64_t step;       /* for the functions below */
} playcount_writer;

/* Where a file is, and who it is for: a copy differs in one of these. */
typedef struct {
    uint64_t device, inode, node;
} playcount_writer_place;

/* [any] The writer as it is now. */
void playcount_writer_get(const playcount_zone *zone, playcount_writer *writer);

/* The zone was opened at this place: note the counts, before anything is counted.
 * With `opened` 0 the server has been running, and this is the first it hears of a
 * cluster: does nothing unless the zone has never been in one. */
apr_status_t playcount_writer_open(playcount_zone *zone,
                                   const playcount_writer_place *place, int opened);

/* [any] [lock] The next step after `writer`, which playcount_writer_get() gave;
 * nothing, and APR_SUCCESS, if another one has been made since. When it returns
 * the step is on the disk.
 *
 *   prove  goes on under its number
 *   fork   gets a new one; what was noted at the opening is the old one's
 *   enter  the zone's epoch stands for this one of the cluster now
 */
apr_status_t playcount_writer_prove(playcount_zone *zone,
                                    const playcount_writer *writer);
apr_status_t playcount_writer_fork(playcount_zone *zone,
                                   const playcount_writer *writer);
apr_status_t playcount_writer_enter(playcount_zone *zone,
                                    const playcount_writer *writer, uint64_t epoch,
                                    uint64_t zone_epoch);

/* [any] What the fences hold when the cluster has forgotten nothing: the number of
 * the last batch that was acknowledged, or of the opening if that came later. */
uint64_t playcount_writer_fence(const playcount_zone *zone,
                                const playcount_writer *writer);

/* [any] Is the zone, in this epoch of its own, still to follow a clear that the
 * record knows of? Any other epoch that is not the record's comes from a clear
 * here. */
int playcount_writer_clear_is_due(const playcount_writer *writer,
                                  uint64_t zone_epoch);

/* [any] The cluster was cleared: forget all songs, and enter that epoch. */
apr_status_t playcount_writer_clear(playcount_zone *zone,
                                    const playcount_writer *writer, uint64_t epoch);

/* [any] The song at this place (of a cursor) as the writer has it. */
typedef struct {
    playcount_song song; /* its id; the count is the whole one */
    uint64_t own;        /* counted under the present number */
    uint64_t noted;      /* of these, what there was at the opening */
    uint64_t
        inherited; /* counted under the old number, as far as this file knows */
} playcount_own;

/* [any] The next song of the listing, with its own counts; 0 at the end, -1 when
 * the zone was cleared meanwhile. */
int playcount_writer_next(playcount_zone *zone, playcount_cursor *cursor,
                          playcount_own *own);

/* [any] The same for one song; 0 when it is not there. */
int playcount_writer_find(playcount_zone *zone, const char *id, apr_size_t length,
                          playcount_own *own);

/* [any] What others have of a song, 0 for nothing known. */
uint64_t playcount_others_get(playcount_zone *zone, const char *id,
                              apr_size_t length);

/* [any] The cluster has `total` plays of this song, `told` of them as this
 * writer's. What others have grows to the rest of it, if it is less; the song is
 * registered if it is new here. APR_ENOSPC when the zone is full; APR_EAGAIN when
 * the zone's epoch is no longer `zone_epoch`. */
apr_status_t playcount_others_set(playcount_zone *zone, uint64_t zone_epoch,
                                  const char *id, apr_size_t length, uint64_t total,
                                  uint64_t told);

/* [any] The cluster had this total of the song, at some time in this epoch. What is
 * counted here may be more than was told of it then, so what others have is at
 * least the rest. Otherwise as above. */
apr_status_t playcount_others_at_least(playcount_zone *zone, uint64_t zone_epoch,
                                       const char *id, apr_size_t length,
                                       uint64_t total);

/* Show totals from now on, through this handle: get, the answers to adds, the
 * listing and the highest counts are count + others. Batches are the zone's own
 * plays still. Allocates from the pool that the handle is from. */
void playcount_zone_show_totals(playcount_zone *zone, apr_pool_t *pool);

/* The handle through which the same zone shows its own counts alone. */
playcount_zone *playcount_zone_local(playcount_zone *zone);

/* Is it part of a cluster? */
int playcount_zone_shows_totals(const playcount_zone *zone);

#endif
