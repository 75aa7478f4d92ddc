/* Raw values for statsd pass from the request threads to the sending one: each
 * whole, once, in their thread's order, or dropped and counted. */

#include <pthread.h>
#include <sched.h>

/* What httpd's headers need comes with it. */
#include "metrics/statsd_raw.c"

#include "shm/figures/segment.h"
#include "fixture.h"

enum { THREADS = 4, LEAST = 2000 };

static playcount_segment segment;
const playcount_segment *playcount_metrics_segment = &segment;

static uint64_t each = 200000; /* values of a thread */
static atomic_int running;

/* What the sending thread got. */
static uint64_t received[THREADS], last[THREADS], torn, disordered;
static uint64_t present[PLAYCOUNT_FIGURES];

void playcount_statsd_safe(const playcount_statsd_conf *conf, const char *route,
                           char out[PLAYCOUNT_LABEL_MAX + 2])
{
    (void)conf;
    memcpy(out, route, strlen(route) + 1);
}

/* A counter comes before its values. */
void playcount_statsd_counter(playcount_sender *to, const char *route,
                              unsigned cell, uint64_t n)
{
    (void)to;
    torn += !route || strcmp(route, "a route") || n != 1 || cell >= THREADS;
    present[0] = cell;
}

void playcount_statsd_value(playcount_sender *to, const char *route,
                            playcount_figure_e figure, uint64_t value, uint64_t n)
{
    uint64_t thread = present[0];

    (void)to, (void)route, (void)n;
    if (figure == 0) {
        disordered += value <= last[thread];
        last[thread] = value;
        received[thread]++;
    }
    torn += value != last[thread] * (figure + 1);
}

static void *request_thread(void *data)
{
    unsigned cell = (unsigned)(uintptr_t)data;
    playcount_sample s = {.route = 0};

    for (uint64_t n = 1; n <= each; n++) {
        for (unsigned f = 0; f < PLAYCOUNT_FIGURES; f++) {
            s.value[f] = n * (f + 1);
        }
        playcount_statsd_raw_keep(&s, cell);
        if (n % 64 == 0) {
            sched_yield(); /* or one core would fill the ring over and over */
        }
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

int main(void)
{
    static playcount_segment_header header;
    static const uint64_t key[2] = {1, 2};
    const char *rounds = getenv("PLAYCOUNT_ROUNDS");
    playcount_statsd_conf conf = {.dog = 1};
    playcount_sender to = {.conf = &conf};
    char name[PLAYCOUNT_LABEL_MAX + 1];
    pthread_t thread[THREADS];
    uint64_t sum = 0, dropped_ones;
    int refused;

    if (rounds) { /* fewer where each takes long */
        each = strtoull(rounds, NULL, 10) * LEAST;
    }
    segment.header = &header;
    segment.routes = calloc(1, playcount_routes_size(2));
    playcount_routes_init(segment.routes, 2, key);
    playcount_routes_find(segment.routes, name,
                          playcount_label_clean(name, "a route"), &refused);

    playcount_sample s = {.route = 0};
    playcount_statsd_raw_keep(&s, 0);
    is(atomic_load(&header.statsd_dropped), 1, "before there is a ring: dropped");
    playcount_statsd_raw_child();
    atomic_store(&header.statsd_dropped, 0);

    atomic_store(&running, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_create(&thread[i], NULL, request_thread, (void *)i);
    }
    while (atomic_load(&running)) {
        playcount_statsd_raw_send(&to);
        sched_yield();
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    playcount_statsd_raw_send(&to);
    for (int i = 0; i < THREADS; i++) {
        sum += received[i];
    }
    dropped_ones = atomic_load(&header.statsd_dropped);
    ok(sum > 0, "values come");
    is(torn, 0, "each came whole");
    is(disordered, 0, "once, and in its thread's order");
    is(sum + dropped_ones, THREADS * each,
       "what did not come was counted as dropped");

    /* A ring that is not emptied is full after as many as it has places. */
    for (unsigned i = 0; i < PLACES + 10; i++) {
        s.value[0] = each + 1 + i;
        for (unsigned f = 1; f < PLAYCOUNT_FIGURES; f++) {
            s.value[f] = s.value[0] * (f + 1);
        }
        playcount_statsd_raw_keep(&s, 0);
    }
    is(atomic_load(&header.statsd_dropped) - dropped_ones, 10,
       "what is too much is dropped");
    playcount_statsd_raw_send(&to);
    is(last[0], each + PLACES, "and not what came before");
    is(torn + disordered, 0, "whole and in order");
    return done_testing();
}
