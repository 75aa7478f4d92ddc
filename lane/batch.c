/* What came in during one pass of the loop, for some connections at a time: read
 * all, look the songs up together, answer. A song that is in no cache costs two
 * waits for memory; those of sixteen connections, asked for at once, cost little
 * more than one's.
 *
 * Sixteen and not all: while the loop answers the first, clients may already work
 * on their answers. With all at once, loop and clients would wait for each other in
 * turn. */

#include "lane/loop.h"

#include <errno.h>
#include <sys/socket.h>

#include "http_log.h"

#include "lane/account.h"
#include "metrics/clock.h"
#include "metrics/metrics.h"

#define BYTES                                                                      \
    (PLAYCOUNT_LANE_GROUP * (PLAYCOUNT_LANE_READ + PLAYCOUNT_LANE_REQUEST_MAX))
#define SHORTEST 24 /* "GET /song/1 HTTP/1.0" and two ends of lines */
#define PER_TURN ((PLAYCOUNT_LANE_READ + PLAYCOUNT_LANE_REQUEST_MAX) / SHORTEST + 1)

/* One connection's part. */
typedef struct {
    playcount_lane_connection *k;
    char *bytes;
    apr_size_t old, n, done; /* bytes from before, all, those of the asks */
    int first, asks;
    unsigned broken : 1;  /* the connection is gone */
    unsigned foreign : 1; /* what comes after the asks is httpd's */
} turn;

static char *bytes, *out;
static playcount_lane_ask *asks;
static turn turns[PLAYCOUNT_LANE_GROUP];
static int n_asks;

apr_status_t playcount_lane_batch_create(apr_pool_t *p)
{
    bytes = apr_palloc(p, BYTES);
    asks = apr_palloc(p, PLAYCOUNT_LANE_GROUP * PER_TURN * sizeof(*asks));
    out = apr_palloc(p, PER_TURN * PLAYCOUNT_LANE_ROOM);
    return APR_SUCCESS;
}

/* The time as answers show it, made once a second. */
static const char *date(void)
{
    static char text[APR_RFC822_DATE_LEN];
    static apr_time_t second = -1;

    if (apr_time_sec(playcount_lane_now) != second) {
        second = apr_time_sec(playcount_lane_now);
        apr_rfc822_date(text, playcount_lane_now);
    }
    return text;
}

/* --- reading --- */

static void find_asks(turn *t)
{
    int closing = playcount_lane_loop_stopping();

    while (t->done < t->n && !t->foreign) {
        playcount_lane_ask *a = &asks[n_asks];
        playcount_lane_match_e match = playcount_lane_find(
            t->k, t->bytes + t->done, t->n - t->done, &a->kind, &a->request);

        if (match == PLAYCOUNT_LANE_MORE && !t->k->ended) {
            return;
        }
        if (match != PLAYCOUNT_LANE_KNOWN || closing ||
            !playcount_lane_is_left(t->k, a->kind, t->asks)) {
            t->foreign = 1;
            return;
        }
        a->hash = playcount_zone_prefetch(a->kind->zone, a->request.id,
                                          a->request.id_length);
        t->done += a->request.length;
        t->asks++;
        n_asks++;
    }
}

static void take(turn *t, playcount_lane_connection *k, char *place, int may_read)
{
    ssize_t got = 0;

    memset(t, 0, sizeof(*t));
    t->k = k;
    t->bytes = place;
    t->first = n_asks;
    if (k->in) {
        memcpy(place, k->in, k->in_length);
        t->old = t->n = k->in_length;
        free(k->in);
        k->in = NULL;
        k->in_length = 0;
    }
    if (may_read) {
        got = recv(k->fd, place + t->n, PLAYCOUNT_LANE_READ, MSG_DONTWAIT);
        k->ended = got == 0;
        t->broken = got < 0 && errno != EAGAIN && errno != EINTR;
        t->n += got > 0 ? (apr_size_t)got : 0;
    }
    find_asks(t);
}

/* --- answering --- */

/* Send; what does not go is kept. */
static void send_out(turn *t, apr_size_t length)
{
    playcount_lane_connection *k = t->k;
    ssize_t sent = send(k->fd, out, length, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        t->broken = 1;
        return;
    }
    sent = sent < 0 ? 0 : sent;
    if ((apr_size_t)sent < length) {
        k->out_length = length - (apr_size_t)sent;
        k->out_sent = 0;
        k->out = ap_malloc(k->out_length);
        memcpy(k->out, out + sent, k->out_length);
    }
}

static void measure(const turn *t, uint64_t began, uint64_t sending)
{
    uint64_t end = playcount_ticks();

    for (int i = 0; i < t->asks; i++) {
        const playcount_lane_ask *a = &asks[t->first + i];

        if (a->kind->route >= 0) {
            playcount_metrics_lane_add(a->kind->route, a->kind->method, end - began,
                                       end - sending, a->body);
        }
    }
}

static void answer(turn *t, uint64_t began)
{
    apr_size_t length = 0;
    uint64_t sending;

    for (int i = 0; i < t->asks; i++) {
        playcount_lane_ask *a = &asks[t->first + i];
        apr_size_t n = playcount_lane_answer(t->k, a, date(), out + length);

        if (!n) {
            t->foreign = 1;
            t->done = (apr_size_t)(a->request.id - a->kind->pattern.head_length -
                                   t->bytes);
            t->asks = i;
            break;
        }
        length += n;
    }
    if (length) {
        sending = playcount_ticks();
        send_out(t, length);
        measure(t, began, sending);
    }
}

static void go_on(turn *t)
{
    playcount_lane_connection *k = t->k;

    if (t->broken) {
        playcount_lane_destroy(k);
        return;
    }
    if (t->done < t->n) {
        playcount_lane_keep(k, t->bytes + t->done, t->n - t->done);
    }
    if (k->out) {
        playcount_lane_write_on(k);
    }
    else if (t->foreign) {
        playcount_lane_lend(k);
    }
    else if (k->ended) {
        playcount_lane_destroy(k);
    }
    else if (playcount_lane_loop_stopping() && !k->in) {
        playcount_lane_close(k);
    }
    else if (t->asks || !t->old) {
        /* The time for an incomplete request runs from its first byte. */
        playcount_lane_read_on(k);
    }
}

void playcount_lane_batch(playcount_lane_connection *const *connections, int n,
                          int may_read)
{
    uint64_t began = playcount_ticks();
    char *place = bytes;
    uint64_t answered = 0;

    n_asks = 0;
    for (int i = 0; i < n; i++) {
        take(&turns[i], connections[i], place, may_read);
        place += turns[i].n;
    }
    for (int i = 0; n_asks > 1 && i < n_asks; i++) {
        playcount_zone_prefetch_slot(asks[i].kind->zone, asks[i].hash);
    }
    for (int i = 0; i < n; i++) {
        answer(&turns[i], began);
        answered += (uint64_t)turns[i].asks;
        go_on(&turns[i]);
    }
    if (answered) {
        playcount_lane_account_requests(answered);
    }
}
