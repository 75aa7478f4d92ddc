/* Listeners and their plays. See mediatable.h. */
#include <stdlib.h>
#include <string.h>

#include "client/command/mediatable.h"
#include "client/tally.h"
#include "media/rules/listener.h"
#include "media/rules/union.h"

/* A listener on a day; number 0: the place is free. */
typedef struct {
    uint64_t number;
    playcount_union *open; /* NULL once it is enough */
    int32_t day;
    uint32_t song;
    bool enough, counted; /* by the rules; by the module */
} listener;

/* Of a rolling window: one interval of a delivery. */
typedef struct {
    uint64_t number;
    int64_t start;
    uint64_t begin, end, need;
    uint32_t song;
    bool counted;
} event;

struct mediatable {
    playcount_window_e window;
    uint8_t key[PLAYCOUNT_LISTENER_KEY];
    playcount_tally songs;
    listener *listeners; /* open addressing; half of it is free */
    size_t n, room;
    event *events;
    size_t events_n, events_room;
    media_count *counts;
    size_t counts_n, counts_room;
};

mediatable *mediatable_new(playcount_window_e window)
{
    mediatable *t = calloc(1, sizeof(*t));

    if (!t) {
        return NULL;
    }
    t->window = window;
    t->room = 1 << 12;
    t->listeners = calloc(t->room, sizeof(*t->listeners));
    if (!t->listeners || playcount_random(t->key, sizeof(t->key))) {
        mediatable_free(t);
        return NULL;
    }
    return t;
}

void mediatable_free(mediatable *t)
{
    if (!t) {
        return;
    }
    for (size_t i = 0; t->listeners && i < t->room; i++) {
        free(t->listeners[i].open);
    }
    playcount_tally_free(&t->songs);
    free(t->listeners);
    free(t->events);
    free(t->counts);
    free(t);
}

/* --- by the day --- */

static listener *find(listener *listeners, size_t room, uint64_t number,
                      int32_t day)
{
    size_t i = (size_t)(number + (uint64_t)day * 0x9e3779b97f4a7c15) & (room - 1);

    while (listeners[i].number &&
           (listeners[i].number != number || listeners[i].day != day)) {
        i = (i + 1) & (room - 1);
    }
    return &listeners[i];
}

static int grow(mediatable *t)
{
    size_t room = 2 * t->room;
    listener *more = calloc(room, sizeof(*more));

    if (!more) {
        return -1;
    }
    for (size_t i = 0; i < t->room; i++) {
        if (t->listeners[i].number) {
            *find(more, room, t->listeners[i].number, t->listeners[i].day) =
                t->listeners[i];
        }
    }
    free(t->listeners);
    t->listeners = more;
    t->room = room;
    return 0;
}

static int add_to_day(mediatable *t, const media_delivery *d, uint64_t number,
                      uint32_t song)
{
    int32_t day = (int32_t)playcount_window_day(d->start);

    if (2 * t->n >= t->room && grow(t)) {
        return -1;
    }
    listener *l = find(t->listeners, t->room, number, day);
    if (!l->number) {
        *l = (listener){.number = number, .day = day, .song = song};
        t->n++;
    }
    l->counted = l->counted || d->counted;
    if (l->enough || !d->n) {
        return 0;
    }
    if (!l->open) {
        l->open = calloc(1, sizeof(*l->open));
        if (!l->open) {
            return -1;
        }
    }
    playcount_union_need(l->open, d->need);
    for (size_t i = 0; i < d->n; i++) {
        playcount_union_add(l->open, d->got[i].begin, d->got[i].end);
    }
    if (playcount_union_enough(l->open)) {
        l->enough = true;
        free(l->open);
        l->open = NULL;
    }
    return 0;
}

/* --- by rolling windows --- */

static int add_event(mediatable *t, const media_delivery *d, uint64_t number,
                     uint32_t song)
{
    for (size_t i = 0; i < d->n; i++) {
        if (d->got[i].begin >= d->got[i].end) {
            continue;
        }
        if (t->events_n == t->events_room) {
            size_t room = 2 * t->events_room + 1024;
            event *more = realloc(t->events, room * sizeof(*more));

            if (!more) {
                return -1;
            }
            t->events = more;
            t->events_room = room;
        }
        t->events[t->events_n++] = (event){.number = number,
                                           .start = d->start,
                                           .begin = d->got[i].begin,
                                           .end = d->got[i].end,
                                           .need = d->need,
                                           .song = song,
                                           .counted = d->counted};
    }
    return 0;
}

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* By listener, then time; then anything that is the same for any order of lines. */
static int by_time(const void *a, const void *b)
{
    const event *x = a, *y = b;
    int order = compare(x->number, y->number);

    if (!order) {
        order = x->start < y->start ? -1 : x->start > y->start;
    }
    order = order ? order : compare(x->begin, y->begin);
    return order ? order : compare(x->end, y->end);
}

/* --- the counts --- */

static int put_count(mediatable *t, int64_t day, uint32_t song, bool counted)
{
    if (t->counts_n == t->counts_room) {
        size_t room = 2 * t->counts_room + 1024;
        media_count *more = realloc(t->counts, room * sizeof(*more));

        if (!more) {
            return -1;
        }
        t->counts = more;
        t->counts_room = room;
    }
    t->counts[t->counts_n++] =
        (media_count){.day = day,
                      .song = playcount_tally_id(&t->songs, song),
                      .plays = 1,
                      .missing = counted ? 0 : 1};
    return 0;
}

static int count_days(mediatable *t)
{
    for (size_t i = 0; i < t->room; i++) {
        const listener *l = &t->listeners[i];

        if (l->enough && put_count(t, l->day, l->song, l->counted)) {
            return -1;
        }
    }
    return 0;
}

static int count_windows(mediatable *t)
{
    playcount_union got = {0};
    bool counted = false;

    if (t->events_n) {
        qsort(t->events, t->events_n, sizeof(*t->events), by_time);
    }
    for (size_t i = 0, first = 0; i < t->events_n; i++) {
        const event *e = &t->events[i], *f = &t->events[first];
        const event *next = i + 1 < t->events_n ? e + 1 : NULL;

        playcount_union_need(&got, e->need);
        playcount_union_add(&got, e->begin, e->end);
        counted = counted || e->counted;
        if (next && next->number == f->number &&
            playcount_window_same(PLAYCOUNT_WINDOW_ROLLING, f->start,
                                  next->start)) {
            continue;
        }
        if (playcount_union_enough(&got) &&
            put_count(t, playcount_window_day(f->start), f->song, counted)) {
            return -1;
        }
        got = (playcount_union){0};
        counted = false;
        first = i + 1;
    }
    return 0;
}

static int by_day(const void *a, const void *b)
{
    const media_count *x = a, *y = b;

    if (x->day != y->day) {
        return x->day < y->day ? -1 : 1;
    }
    return strcmp(x->song, y->song);
}

const media_count *mediatable_counts(mediatable *t, size_t *n)
{
    size_t kept = 0;

    if (!t->counts) { /* so that there is an array of nothing, too */
        t->counts = calloc(1, sizeof(*t->counts));
        t->counts_room = t->counts != NULL;
    }
    if (!t->counts) {
        return NULL;
    }
    if (t->window == PLAYCOUNT_WINDOW_DAY ? count_days(t) : count_windows(t)) {
        return NULL;
    }
    qsort(t->counts, t->counts_n, sizeof(*t->counts), by_day);
    for (size_t i = 0; i < t->counts_n; i++) {
        if (i && by_day(&t->counts[kept - 1], &t->counts[i]) == 0) {
            t->counts[kept - 1].plays++;
            t->counts[kept - 1].missing += t->counts[i].missing;
        }
        else {
            t->counts[kept++] = t->counts[i];
        }
    }
    *n = kept;
    return t->counts;
}

int mediatable_add(mediatable *t, const media_delivery *d)
{
    long song = playcount_tally_add(&t->songs, d->song, 0);

    if (song < 0) {
        return -1;
    }
    uint64_t number = playcount_listener(t->key, d->song, strlen(d->song),
                                         &d->address, d->agent, d->agent_n);
    return t->window == PLAYCOUNT_WINDOW_DAY
               ? add_to_day(t, d, number, (uint32_t)song)
               : add_event(t, d, number, (uint32_t)song);
}
