/* The load of a benchmark. See benchload.h.
 *
 * Each thread keeps its share of the connections busy, one request on each, until
 * the time is over; then what is under way is waited for.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/command/benchload.h"
#include "client/id.h"
#include "client/send.h"

typedef struct worker worker;

/* One request, again and again. */
typedef struct {
    playcount_exchange exchange;
    worker *worker;
    char target[64];
    char key[PLAYCOUNT_KEY_BYTES + 1];
    char *body;
} slot;

struct worker {
    const arguments *a;
    pthread_t thread;
    playcount_limits limits;
    playcount_wire *wire;
    slot *slots;
    size_t slots_n;
    uint64_t random;
    int64_t until; /* us */
    histogram latency;
    uint64_t requests, plays, errors, took;
    playcount_error first; /* error */
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* xorshift64 (Marsaglia, 2003) */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A song of the benchmark; a plain number where the servers go by numbers. */
static void song_name(const arguments *a, uint64_t n, char name[32])
{
    int modulo = a->conf->options.shard == PLAYCOUNT_SHARD_MODULO;
    snprintf(name, 32, "%s%" PRIu64, modulo ? "" : "bench-", n + 1);
}

/* A batch is of consecutive songs, all sent to one server, wherever the songs
 * belong. */
static void make_batch(worker *w, slot *s)
{
    const arguments *a = w->a;
    uint64_t n = a->batch < a->songs ? a->batch : a->songs;
    uint64_t first = next_random(&w->random) % a->songs;
    size_t used = 0;

    for (uint64_t i = 0; i < n; i++) {
        char name[32];
        song_name(a, (first + i) % a->songs, name);
        used += (size_t)snprintf(s->body + used, 40, "%s%s=1", i ? "," : "", name);
    }
    s->exchange.body = s->body;
    s->exchange.body_n = used;
    s->exchange.server =
        &a->client->servers[next_random(&w->random) % a->client->servers_n];
}

static void make_single(worker *w, slot *s)
{
    char name[32];
    song_name(w->a, next_random(&w->random) % w->a->songs, name);
    snprintf(s->target, sizeof(s->target), "song/%s", name);
    s->exchange.server = playcount_find(w->a->client, name, NULL);
}

/* The next request, after a pause. */
static void send_next(slot *s, int64_t pause_ms)
{
    worker *w = s->worker;

    if (w->a->page) {
        s->exchange.server =
            &w->a->client
                 ->servers[next_random(&w->random) % w->a->client->servers_n];
    }
    else if (s->body) {
        make_batch(w, s);
    }
    else {
        make_single(w, s);
    }
    if (s->exchange.key) {
        playcount_new_key(s->key);
    }
    playcount_wire_submit(w->wire, &s->exchange);
    if (pause_ms > 0) {
        s->exchange.not_before = playcount_now_ms() + pause_ms;
    }
}

/* How long a user thinks before the next request: half to one and a half times what
 * was asked for, so that users do not go in step. */
static int64_t think_ms(worker *w)
{
    if (w->a->think <= 0) {
        return 0;
    }
    double share = 0.5 + (double)(next_random(&w->random) % 1000) / 1000;
    return (int64_t)(w->a->think * 1000 * share + 0.5);
}

static void on_done(playcount_exchange *exchange)
{
    slot *s = exchange->context;
    worker *w = s->worker;
    int64_t now = now_us();

    if (exchange->error.status == PLAYCOUNT_OK) {
        uint64_t took = (uint64_t)(now - exchange->started_us);
        histogram_add(&w->latency, took);
        w->took += took;
        w->requests++;
        w->plays +=
            s->body ? (w->a->batch < w->a->songs ? w->a->batch : w->a->songs) : 1;
    }
    else {
        if (!w->errors++) {
            w->first = exchange->error;
        }
        /* A server that refuses at once must not be hammered for the rest of the
         * time. */
        if (w->errors >= 1000 && w->errors > w->requests) {
            return;
        }
    }
    int64_t pause = think_ms(w);
    if (now + 1000 * pause < w->until && !interrupted) {
        send_next(s, pause);
    }
}

static void *work(void *context)
{
    worker *w = context;
    for (size_t i = 0; i < w->slots_n; i++) {
        /* Users who think do not all come at once. */
        send_next(&w->slots[i], w->a->think > 0
                                    ? (int64_t)(next_random(&w->random) %
                                                (uint64_t)(w->a->think * 1000 + 1))
                                    : 0);
    }
    playcount_wire_run(w->wire, is_interrupted, NULL);
    return NULL;
}

static int init_slot(worker *w, slot *s)
{
    bool batch = strcmp(w->a->work, "batch") == 0;

    s->worker = w;
    s->exchange.method =
        strcmp(w->a->work, "get") == 0 ? PLAYCOUNT_GET : PLAYCOUNT_POST;
    s->exchange.target = w->a->page ? w->a->page + 1 : batch ? "songs" : s->target;
    s->exchange.is_page = w->a->page != NULL;
    s->exchange.repeatable = true;
    s->exchange.limit = batch ? PLAYCOUNT_BATCH_BYTES : 64;
    s->exchange.done = on_done;
    s->exchange.context = s;
    s->exchange.key =
        w->a->keys && s->exchange.method == PLAYCOUNT_POST ? s->key : NULL;
    if (batch) {
        s->body = malloc(40 * w->a->batch + 1);
        return s->body ? 0 : -1;
    }
    return 0;
}

static int init_worker(worker *w, const arguments *a, uint64_t number)
{
    w->a = a;
    w->slots_n = (size_t)(a->connections / a->threads +
                          (number < a->connections % a->threads ? 1 : 0));
    w->limits = a->client->limits;
    w->limits.retries = 0;
    w->limits.parallel = (int)w->slots_n + 1;
    w->limits.connections = (int)w->slots_n + 1;
    w->random = 0x9e3779b97f4a7c15 * (number + 1);
    w->wire = playcount_wire_new(&w->limits);
    w->slots = calloc(w->slots_n + 1, sizeof(*w->slots));
    int failed = !w->wire || !w->slots;
    for (size_t i = 0; !failed && i < w->slots_n; i++) {
        failed = init_slot(w, &w->slots[i]);
    }
    return failed;
}

static void free_workers(worker *workers, uint64_t n)
{
    for (uint64_t t = 0; t < n; t++) {
        for (size_t i = 0; workers[t].slots && i < workers[t].slots_n; i++) {
            free(workers[t].slots[i].body);
        }
        playcount_wire_free(workers[t].wire);
        free(workers[t].slots);
    }
    free(workers);
}

static void add_up(bench_result *result, const worker *w)
{
    histogram_merge(&result->latency, &w->latency);
    result->requests += w->requests;
    result->plays += w->plays;
    result->took += w->took;
    if (!result->errors && w->errors) {
        result->first = w->first;
    }
    result->errors += w->errors;
}

exit_status bench_load(const arguments *asked, uint64_t connections,
                       bench_result *result)
{
    arguments a = *asked;

    memset(result, 0, sizeof(*result));
    a.connections = result->users = connections;
    a.threads = a.threads < a.connections ? a.threads : a.connections;
    worker *workers = calloc(a.threads, sizeof(*workers));
    int failed = !workers;
    for (uint64_t t = 0; !failed && t < a.threads; t++) {
        failed = init_worker(&workers[t], &a, t);
    }
    if (failed) {
        say("no memory for %" PRIu64 " connections", a.connections);
        free_workers(workers, workers ? a.threads : 0);
        return EXIT_FILE;
    }
    int64_t began = now_us();
    uint64_t started = 0;
    for (; started < a.threads; started++) {
        workers[started].until = began + (int64_t)(a.seconds * 1e6);
        if (pthread_create(&workers[started].thread, NULL, work,
                           &workers[started])) {
            say("only %" PRIu64 " threads could be started", started);
            break;
        }
    }
    for (uint64_t t = 0; t < started; t++) {
        pthread_join(workers[t].thread, NULL);
        add_up(result, &workers[t]);
    }
    result->seconds = (double)(now_us() - began) / 1e6;
    free_workers(workers, a.threads);
    return started == a.threads ? EXIT_DONE : EXIT_FILE;
}
