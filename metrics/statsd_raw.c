/* Raw values on their way to statsd.
 *
 * A ring of this process: its request threads put values in, its sending
 * thread takes them out. A place's turn says whose it is: `ticket` to be
 * filled under that ticket, `ticket + 1` filled. Nothing waits: when the ring is
 * full, values are dropped and counted. (Dmitry Vyukov's bounded queue.) */

#include "metrics/statsd.h"

#include <stdlib.h>

#define PLACES 16384u

typedef struct {
    _Atomic uint64_t turn;
    uint64_t value[PLAYCOUNT_FIGURES]; /* written by the ticket's owner */
    uint32_t route, cell;
} place;

/* Set once. The sender may run before that: it and the request threads acquire it.
 */
static place *_Atomic ring;
static _Atomic uint64_t head; /* next ticket to fill; threads, by CAS */
static uint64_t tail;         /* next to send; the sending thread only */

/* For as long as the process lives: connections may end, and their requests with
 * them, after the pool of child_init is gone. */
apr_status_t playcount_statsd_raw_child(void)
{
    place *all = malloc(PLACES * sizeof(*all));

    if (!all) {
        return APR_ENOMEM;
    }
    for (uint64_t i = 0; i < PLACES; i++) {
        atomic_init(&all[i].turn, i);
    }
    atomic_store_explicit(&ring, all, memory_order_release);
    return APR_SUCCESS;
}

static place *place_of(uint64_t ticket)
{
    place *all = atomic_load_explicit(&ring, memory_order_acquire);

    return all ? &all[ticket % PLACES] : NULL;
}

static void dropped(void)
{
    atomic_fetch_add_explicit(&playcount_metrics_segment->header->statsd_dropped, 1,
                              memory_order_relaxed);
}

void playcount_statsd_raw_keep(const playcount_sample *sample, unsigned cell)
{
    uint64_t ticket = atomic_load_explicit(&head, memory_order_relaxed);
    place *at;

    for (;;) {
        at = place_of(ticket);
        if (!at) {
            dropped();
            return;
        }

        /* Acquire: the sender has read the place before it is filled again. */
        uint64_t turn = atomic_load_explicit(&at->turn, memory_order_acquire);

        if (turn < ticket) {
            dropped();
            return;
        }
        if (turn > ticket) {
            ticket = atomic_load_explicit(&head, memory_order_relaxed);
        }
        else if (atomic_compare_exchange_weak_explicit(&head, &ticket, ticket + 1,
                                                       memory_order_relaxed,
                                                       memory_order_relaxed)) {
            break;
        }
    }
    memcpy(at->value, sample->value, sizeof(at->value));
    at->route = sample->route;
    at->cell = cell;
    /* Release: the values before the word that hands them over. */
    atomic_store_explicit(&at->turn, ticket + 1, memory_order_release);
}

static void send_place(playcount_sender *to, const place *at)
{
    char name[PLAYCOUNT_LABEL_MAX + 1], safe[PLAYCOUNT_LABEL_MAX + 2];

    if (!playcount_routes_name(playcount_metrics_segment->routes, at->route,
                               name)) {
        return;
    }
    playcount_statsd_safe(to->conf, name, safe);
    playcount_statsd_counter(to, safe, at->cell, 1);
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_statsd_value(to, safe, f, at->value[f], 1);
    }
    if (!to->conf->dog) {
        playcount_statsd_counter(to, NULL, at->cell, 1);
        for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
            playcount_statsd_value(to, NULL, f, at->value[f], 1);
        }
    }
}

void playcount_statsd_raw_send(playcount_sender *to)
{
    place *at;

    while ((at = place_of(tail))) {
        if (atomic_load_explicit(&at->turn, memory_order_acquire) != tail + 1) {
            return;
        }
        send_place(to, at);
        atomic_store_explicit(&at->turn, tail + PLACES, memory_order_release);
        tail++;
    }
}
