/* Decides PLAYED, OPEN, AGAIN or FULL for one delivery, by what is known of its
 * listener. See media.h. */

#include "shm/media/layout.h"
#include "shm/hot.h"

#include <string.h>

static __attribute__((noinline)) uint64_t
compute(const playcount_day *day, const playcount_media_got *got, int place)
{
    uint64_t number = playcount_listener(day->key, got->song, got->song_n,
                                         got->address, got->agent, got->agent_n);

    if (got->numbers) {
        got->numbers[place] = number;
    }
    return number;
}

/* A day has one key as long as it is known. */
static uint64_t number_of(const playcount_day *day, const playcount_media_got *got)
{
    int place = day->day != playcount_window_day(got->start);
    uint64_t known = got->numbers ? got->numbers[place] : 0;

    return known ? known : compute(day, got, place);
}

/* A listener and the generation that knows it. */
typedef struct {
    playcount_day day;
    uint64_t number;
    int64_t first; /* when its window began */
    int counted;
} knowledge;

/* Does this generation know the listener, in a window that the request falls into?
 */
static __attribute__((noinline)) int
look(playcount_media *media, const playcount_media_got *got, knowledge *k)
{
    k->number = number_of(&k->day, got);
    k->counted = playcount_counted_find(media, k->day.place, k->day.day, k->number,
                                        &k->first);
    if (!k->counted) {
        k->first = playcount_open_first(media, k->number);
    }
    return k->first && playcount_window_same(got->window, k->first, got->start);
}

/* Who it is. 0: nothing can be known of that day any more. */
static int know(playcount_media *media, const playcount_media_got *got,
                knowledge *k)
{
    int64_t day = playcount_window_day(got->start);

    if (got->window == PLAYCOUNT_WINDOW_ROLLING &&
        playcount_day_find(media, day - 1, &k->day) && look(media, got, k)) {
        return 1;
    }
    if (!playcount_day_get(media, day, &k->day)) {
        return 0;
    }
    k->number = number_of(&k->day, got);
    k->counted = playcount_counted_find(media, k->day.place, k->day.day, k->number,
                                        &k->first);
    if (!k->counted) {
        k->first = got->start;
    }
    return 1;
}

/* Is it counted on the day of the request, under a number that is not known yet? */
static __attribute__((noinline)) int
is_counted_today(playcount_media *media, const playcount_media_got *got,
                 int64_t day)
{
    playcount_day today;
    int64_t first;

    return playcount_day_find(media, day, &today) &&
           playcount_counted_find(media, today.place, day, number_of(&today, got),
                                  &first);
}

PLAYCOUNT_HOT int playcount_media_is_counted(playcount_media *media,
                                             const playcount_media_got *got)
{
    int64_t day = playcount_window_day(got->start), first;
    int place;
    knowledge k;

    if (PLAYCOUNT_SELDOM(got->window == PLAYCOUNT_WINDOW_ROLLING) &&
        playcount_day_find(media, day - 1, &k.day) && look(media, got, &k)) {
        return k.counted;
    }
    if (PLAYCOUNT_SELDOM(!got->numbers || !got->numbers[0])) {
        return is_counted_today(media, got, day);
    }
    place = playcount_day_place(media, day);
    return place >= 0 && playcount_counted_find(media, (unsigned)place, day,
                                                got->numbers[0], &first);
}

uint64_t playcount_media_missing(playcount_media *media,
                                 const playcount_media_got *got)
{
    int64_t day = playcount_window_day(got->start);
    knowledge k;

    if (got->window == PLAYCOUNT_WINDOW_ROLLING &&
        playcount_day_find(media, day - 1, &k.day) && look(media, got, &k)) {
        return k.counted ? 0 : playcount_open_missing(media, k.number, got);
    }
    if (!playcount_day_find(media, day, &k.day)) {
        return playcount_open_missing(media, 0, got);
    }
    k.number = number_of(&k.day, got);
    return playcount_counted_find(media, k.day.place, day, k.number, &k.first)
               ? 0
               : playcount_open_missing(media, k.number, got);
}

/* The listener has enough: count it, unless another process got there first. */
static playcount_verdict_e count(playcount_media *media, const knowledge *k,
                                 playcount_media_result *result)
{
    switch (playcount_counted_add(media, &k->day, k->number, k->first)) {
    case PLAYCOUNT_COUNTED_NEW:
        return PLAYCOUNT_VERDICT_PLAYED;
    case PLAYCOUNT_COUNTED_KNOWN:
        playcount_open_forget(media, k->number);
        return PLAYCOUNT_VERDICT_AGAIN;
    default:
        result->why = "the table of counted listeners is full (downloads=)";
        return PLAYCOUNT_VERDICT_FULL;
    }
}

static void deliver(playcount_media *media, const playcount_media_got *got,
                    playcount_media_result *result)
{
    knowledge k;

    memset(result, 0, sizeof(*result));
    if (!know(media, got, &k)) {
        result->verdict = PLAYCOUNT_VERDICT_FULL;
        result->why = "what is known of the day on which it began is not kept any "
                      "more";
        return;
    }
    result->place = k.day.place;
    result->day = k.day.day;
    result->listener = k.number;
    if (k.counted) {
        result->verdict = PLAYCOUNT_VERDICT_AGAIN;
        return;
    }
    switch (playcount_open_add(media, &k.day, k.number, &k.first, got, result)) {
    case PLAYCOUNT_OPEN_ENOUGH:
        result->verdict = count(media, &k, result);
        return;
    case PLAYCOUNT_OPEN_NOT_YET:
        result->verdict = PLAYCOUNT_VERDICT_OPEN;
        return;
    case PLAYCOUNT_OPEN_NO_ROOM:
        result->verdict = PLAYCOUNT_VERDICT_FULL;
        result->why = "the table of open downloads is full (open=)";
        return;
    case PLAYCOUNT_OPEN_FROZEN:
        result->verdict = PLAYCOUNT_VERDICT_FULL;
        result->why = "a process that does not go on holds a part of the table of "
                      "open downloads";
    }
}

PLAYCOUNT_HOT void playcount_media_deliver(playcount_media *media,
                                           const playcount_media_got *got,
                                           playcount_media_result *result)
{
    deliver(media, got, result);
    if (playcount_media_failed(media)) {
        memset(result, 0, sizeof(*result));
        result->verdict = PLAYCOUNT_VERDICT_FULL;
        result->why =
            "the table's file cannot be read or written: it was cut short, "
            "or the disk is full or broken; see to it and start the server "
            "again";
    }
}

void playcount_media_take_back(playcount_media *media,
                               const playcount_media_result *result)
{
    playcount_counted_take_back(media, result->place, result->listener);
}

void playcount_media_done(playcount_media *media,
                          const playcount_media_result *result)
{
    if (result->kept) {
        playcount_open_forget(media, result->listener);
    }
}

void playcount_media_sweep(playcount_media *media, int64_t day)
{
    playcount_days_sweep(media);
    playcount_open_sweep(media, day - 1);
}
