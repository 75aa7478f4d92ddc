/* The wire: HTTP requests, many at once, in one thread. See wire.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/error.h"
#include "client/request.h"

struct playcount_wire {
    CURLM *multi;
    const playcount_limits *limits;
    playcount_exchange *waiting, **waiting_end; /* in the order of submission */
    playcount_exchange *flying;
    int flying_n;
    CURL **spare; /* handles for the next attempts, `parallel` at most */
    int spare_n;
};

int64_t playcount_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

playcount_wire *playcount_wire_new(const playcount_limits *limits)
{
    playcount_wire *wire = calloc(1, sizeof(*wire));
    if (!wire) {
        return NULL;
    }
    wire->multi = curl_multi_init();
    wire->spare = calloc((size_t)limits->parallel, sizeof(*wire->spare));
    if (!wire->multi || !wire->spare) {
        curl_multi_cleanup(wire->multi);
        free(wire->spare);
        free(wire);
        return NULL;
    }
    wire->limits = limits;
    wire->waiting_end = &wire->waiting;
    curl_multi_setopt(wire->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      (long)limits->connections);
    curl_multi_setopt(wire->multi, CURLMOPT_MAXCONNECTS,
                      limits->connections > 1024 ? (long)limits->connections
                                                 : 1024L);
    return wire;
}

void playcount_wire_free(playcount_wire *wire)
{
    if (!wire) {
        return;
    }
    while (wire->spare_n) {
        curl_easy_cleanup(wire->spare[--wire->spare_n]);
    }
    curl_multi_cleanup(wire->multi);
    free(wire->spare);
    free(wire);
}

static void enqueue(playcount_wire *wire, playcount_exchange *exchange)
{
    exchange->next = NULL;
    *wire->waiting_end = exchange;
    wire->waiting_end = &exchange->next;
}

void playcount_wire_submit(playcount_wire *wire, playcount_exchange *exchange)
{
    playcount_error_clear(&exchange->error);
    exchange->answer = NULL;
    exchange->answer_n = 0;
    exchange->answer_room = 0;
    exchange->attempts = 0;
    exchange->easy = NULL;
    exchange->headers = NULL;
    exchange->until = 0;
    exchange->not_before = 0;
    enqueue(wire, exchange);
}

static void finish(playcount_exchange *exchange)
{
    /* done() may submit the exchange again, or free it. */
    char *answer = exchange->answer;
    exchange->done(exchange);
    free(answer);
}

static void no_memory(playcount_exchange *exchange)
{
    playcount_fail(&exchange->error, PLAYCOUNT_E_MEMORY, exchange->server->number,
                   "%s: no memory for a request", exchange->server->name);
    finish(exchange);
}

static void give_back(playcount_wire *wire, playcount_exchange *exchange)
{
    if (exchange->easy && wire->spare_n < wire->limits->parallel) {
        curl_easy_reset(exchange->easy);
        wire->spare[wire->spare_n++] = exchange->easy;
    }
    else if (exchange->easy) {
        curl_easy_cleanup(exchange->easy);
    }
    exchange->easy = NULL;
    playcount_request_release(exchange);
}

static void start(playcount_wire *wire, playcount_exchange *exchange, int64_t now)
{
    struct timespec started;

    clock_gettime(CLOCK_MONOTONIC, &started);
    exchange->started_us =
        (int64_t)started.tv_sec * 1000000 + started.tv_nsec / 1000;
    if (!exchange->until) {
        exchange->until = now + wire->limits->timeout_ms;
    }
    exchange->easy =
        wire->spare_n ? wire->spare[--wire->spare_n] : curl_easy_init();
    if (!exchange->easy || playcount_request_prepare(exchange, wire->limits, now) ||
        curl_multi_add_handle(wire->multi, exchange->easy) != CURLM_OK) {
        give_back(wire, exchange);
        no_memory(exchange);
        return;
    }
    exchange->next = wire->flying;
    if (exchange->next) {
        exchange->next->link = &exchange->next;
    }
    exchange->link = &wire->flying;
    wire->flying = exchange;
    wire->flying_n++;
}

/* Start what may start now. */
static void launch(playcount_wire *wire, int64_t now)
{
    playcount_exchange **link = &wire->waiting;

    while (*link && wire->flying_n < wire->limits->parallel) {
        playcount_exchange *exchange = *link;
        if (exchange->not_before > now) {
            link = &exchange->next;
            continue;
        }
        *link = exchange->next;
        if (!*link) {
            wire->waiting_end = link;
        }
        start(wire, exchange, now);
    }
}

/* When the next one may start; 0 is at once, -1 when one has landed. */
static int64_t next_launch(const playcount_wire *wire)
{
    int64_t next = -1;

    if (wire->flying_n >= wire->limits->parallel) {
        return -1;
    }
    for (const playcount_exchange *e = wire->waiting; e && next; e = e->next) {
        next = next < 0 || e->not_before < next ? e->not_before : next;
    }
    return next;
}

static void land(playcount_wire *wire, playcount_exchange *exchange)
{
    *exchange->link = exchange->next;
    if (exchange->next) {
        exchange->next->link = exchange->link;
    }
    wire->flying_n--;
    curl_multi_remove_handle(wire->multi, exchange->easy);
}

static void ended(playcount_wire *wire, CURL *easy, CURLcode result)
{
    playcount_exchange *exchange = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&exchange);
    long pause = playcount_request_verdict(exchange, wire->limits, result);
    land(wire, exchange);
    give_back(wire, exchange);

    int64_t again = playcount_now_ms() + pause;
    if (pause >= 0 && again < exchange->until) {
        exchange->not_before = again;
        enqueue(wire, exchange);
        return;
    }
    finish(exchange);
}

static void reap(playcount_wire *wire)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(wire->multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            ended(wire, message->easy_handle, message->data.result);
        }
    }
}

/* Time that this side, or the callback that takes the stream, spent working does
 * not count against the server. */
static void pardon_streams(playcount_wire *wire, int64_t busy)
{
    for (playcount_exchange *e = wire->flying; busy && e; e = e->next) {
        e->window += busy;
    }
}

/* End streams that bring too little; when to look again, or -1. */
static int64_t watch_streams(playcount_wire *wire, int64_t now)
{
    int64_t next = -1;

    for (playcount_exchange *e = wire->flying, *after; e; e = after) {
        after = e->next;
        if (!e->take) {
            continue;
        }
        if (now - e->window >= wire->limits->timeout_ms) {
            if (e->window_n < PLAYCOUNT_STREAM_BYTES) {
                playcount_request_stalled(e, wire->limits);
                land(wire, e);
                give_back(wire, e);
                finish(e);
                continue;
            }
            e->window = now;
            e->window_n = 0;
        }
        int64_t due = e->window + wire->limits->timeout_ms;
        next = next < 0 || due < next ? due : next;
    }
    return next;
}

static void stopped(playcount_exchange *exchange)
{
    int uncertain = exchange->method == PLAYCOUNT_POST && exchange->attempts > 0;

    playcount_fail(&exchange->error, PLAYCOUNT_E_STOPPED, exchange->server->number,
                   "%s: interrupted", exchange->server->name);
    exchange->error.uncertain = uncertain;
    finish(exchange);
}

static void stop_all(playcount_wire *wire)
{
    while (wire->flying) {
        playcount_exchange *exchange = wire->flying;
        land(wire, exchange);
        give_back(wire, exchange);
        stopped(exchange);
    }
    while (wire->waiting) {
        playcount_exchange *exchange = wire->waiting;
        wire->waiting = exchange->next;
        if (!wire->waiting) {
            wire->waiting_end = &wire->waiting;
        }
        stopped(exchange);
    }
}

void playcount_wire_run(playcount_wire *wire, playcount_stop *stop, void *context)
{
    int running;

    while (wire->waiting || wire->flying) {
        if (stop && stop(context)) {
            stop_all(wire);
            return;
        }
        int64_t now = playcount_now_ms();
        launch(wire, now);
        int64_t began = playcount_now_ms();
        curl_multi_perform(wire->multi, &running);
        pardon_streams(wire, playcount_now_ms() - began);
        reap(wire);

        int64_t watch_at = watch_streams(wire, playcount_now_ms());
        int64_t launch_at = next_launch(wire);
        int64_t wake = now + 200;
        wake = launch_at >= 0 && launch_at < wake ? launch_at : wake;
        wake = watch_at >= 0 && watch_at < wake ? watch_at : wake;
        bool over = !wire->waiting && !wire->flying;
        int64_t wait = wake - playcount_now_ms();
        if (!over && wait > 0) {
            curl_multi_poll(wire->multi, NULL, 0, (int)wait, NULL);
        }
    }
}
