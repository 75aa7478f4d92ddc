/* Datagrams to statsd. The socket does not block: what the system has no room
 * for is counted and dropped, as UDP may do anyway. If nothing listens, the system
 * says so, on this machine at once, with the datagram after the one that was
 * refused.
 */

#include "metrics/statsd.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "http_log.h"
#include "apr_strings.h"

APLOG_USE_MODULE(playcount);

#define RESOLVE apr_time_from_sec(15)     /* a name may move */
#define RETRY apr_time_from_sec(5)        /* after a refusal, or without address */
#define NEXT_ADDRESS apr_time_from_sec(1) /* the same, of a name with several */
#define REACHED apr_time_from_sec(1)      /* without refusal after a datagram */

/* Pauses for the receiver: one after so many datagrams. */
#define BURST 16
#define PAUSE apr_time_from_msec(5)
#define LONGEST_PAUSE apr_time_from_msec(250)

void playcount_sender_init(playcount_sender *to, const playcount_statsd_conf *conf,
                           server_rec *s)
{
    memset(to, 0, sizeof(*to));
    to->conf = conf;
    to->server = s;
    to->fd = -1;
    to->pause = PAUSE;
}

void playcount_sender_spread(playcount_sender *to, uint64_t datagrams,
                             apr_interval_time_t time)
{
    to->pause = time / (apr_interval_time_t)(datagrams / BURST + 1);
    if (to->pause < PAUSE) {
        to->pause = PAUSE;
    }
    else if (to->pause > LONGEST_PAUSE) {
        to->pause = LONGEST_PAUSE;
    }
}

/* Whether nothing listens there, as far as can be told: this machine says so at
 * once. An empty datagram holds no line. */
static int refuses(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);

    return send(fd, "", 0, MSG_NOSIGNAL) < 0 ||
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error;
}

static int open_address(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void keep(playcount_sender *to, int fd, const struct addrinfo *a)
{
    playcount_sender_close(to);
    to->fd = fd;
    memcpy(&to->address, a->ai_addr, a->ai_addrlen);
    to->address_length = a->ai_addrlen;
    to->refused_at = to->sent_at = 0;
    to->reached = 0;
}

/* A socket to the first address that takes one. Of several, as localhost has two,
 * to one that does not refuse: many a statsd listens on 127.0.0.1 only, while ::1
 * comes first. */
static void open_one(playcount_sender *to, const struct addrinfo *list)
{
    const struct addrinfo *first = NULL;

    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        int fd = open_address(a);

        if (fd < 0) {
            continue;
        }
        if (!list->ai_next || !refuses(fd)) {
            keep(to, fd, a);
            return;
        }
        close(fd);
        first = first ? first : a;
    }
    if (first) {
        int fd = open_address(first);

        if (fd >= 0) {
            keep(to, fd, first);
            to->refused_at = apr_time_now();
        }
    }
}

/* Whether the socket's address is still one of the name's. */
static int still_there(const playcount_sender *to, const struct addrinfo *list)
{
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        if (a->ai_addrlen == to->address_length &&
            !memcmp(a->ai_addr, &to->address, a->ai_addrlen)) {
            return 1;
        }
    }
    return 0;
}

/* Every process finds out by itself whether the receiver is there; one logs it. */
static void say(const playcount_sender *to, int reached, const char *why)
{
    uint64_t unreached = !reached;

    if (atomic_exchange_explicit(&playcount_metrics_segment->header->statsd_said,
                                 unreached, memory_order_relaxed) == unreached) {
        return;
    }
    if (reached) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, to->server,
                     "PlaycountStatsd: sending to %s:%d", to->conf->host,
                     to->conf->port);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, to->server,
                 "PlaycountStatsd: %s:%d cannot be reached: %s; trying again every "
                 "5 s",
                 to->conf->host, to->conf->port, why);
}

static void resolve(playcount_sender *to, apr_pool_t *pool)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *list = NULL;
    int error =
        getaddrinfo(to->conf->host, apr_itoa(pool, to->conf->port), &hints, &list);

    if (!error) {
        to->many = list->ai_next != NULL;
        if (to->fd < 0 || !still_there(to, list) || (to->many && to->refused_at)) {
            open_one(to, list);
        }
        freeaddrinfo(list);
    }
    if (to->fd < 0) {
        say(to, 0,
            error ? gai_strerror(error) : "no route to any of its addresses");
    }
}

static void count(_Atomic uint64_t *total)
{
    atomic_fetch_add_explicit(total, 1, memory_order_relaxed);
}

/* The system has said that nothing listens. */
static void refused(playcount_sender *to)
{
    apr_time_t now = apr_time_now();
    apr_time_t again = now + (to->many ? NEXT_ADDRESS : RETRY);

    count(&playcount_metrics_segment->header->statsd_failures);
    to->refused_at = now;
    to->sent_at = 0;
    to->reached = 0;
    if (to->resolve_at > again) {
        to->resolve_at = again;
    }
    say(to, 0, "nobody listens there");
}

/* Learn what became of the last datagrams. */
static void hear(playcount_sender *to)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(to->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
        error == ECONNREFUSED) {
        refused(to);
    }
    else if (!to->reached && to->sent_at &&
             apr_time_now() - to->sent_at >= REACHED) {
        to->refused_at = 0;
        to->reached = 1;
        say(to, 1, NULL);
    }
}

int playcount_sender_ready(playcount_sender *to, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();

    if (to->fd >= 0) {
        hear(to);
    }
    if (now >= to->resolve_at || to->resolve_at - now > RESOLVE) {
        resolve(to, pool);
        to->resolve_at = now + (to->fd < 0        ? RETRY
                                : !to->refused_at ? RESOLVE
                                : to->many        ? NEXT_ADDRESS
                                                  : RETRY);
    }
    return to->fd >= 0;
}

void playcount_sender_close(playcount_sender *to)
{
    if (to->fd >= 0) {
        close(to->fd);
    }
    to->fd = -1;
}

/* Without the last newline. An error may be that of an earlier datagram, and then
 * this one is not sent yet. */
static int send_datagram(playcount_sender *to)
{
    for (int i = 0; to->fd >= 0 && i < 2; i++) {
        if (send(to->fd, to->buffer, to->used - 1, MSG_NOSIGNAL) >= 0) {
            to->sent_at = to->sent_at ? to->sent_at : apr_time_now();
            return 1;
        }
        if (errno != ECONNREFUSED || i) {
            return 0;
        }
        refused(to);
    }
    return 0;
}

static void pause_for_receiver(playcount_sender *to)
{
    int state = AP_MPMQ_RUNNING;

    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    if (++to->unpaced >= BURST && state != AP_MPMQ_STOPPING) {
        to->unpaced = 0;
        apr_sleep(to->pause);
    }
}

void playcount_sender_flush(playcount_sender *to)
{
    playcount_segment_header *header = playcount_metrics_segment->header;

    if (!to->used) {
        return;
    }
    count(send_datagram(to) ? &header->statsd_datagrams : &header->statsd_failures);
    to->used = 0;
    pause_for_receiver(to);
}

void playcount_sender_line(playcount_sender *to, const char *line, size_t length)
{
    if (length + 1 > sizeof(to->buffer)) {
        return;
    }
    if (to->used + length + 1 > sizeof(to->buffer)) {
        playcount_sender_flush(to);
    }
    memcpy(to->buffer + to->used, line, length);
    to->buffer[to->used + length] = '\n';
    to->line = to->used;
    to->name = 0;
    to->used += length + 1;
}

void playcount_sender_value(playcount_sender *to, const char *line, size_t length,
                            size_t name)
{
    size_t value = length - name;

    if (to->used && to->name == name &&
        !memcmp(to->buffer + to->line, line, name) &&
        to->used + value + 1 <= sizeof(to->buffer)) {
        to->buffer[to->used - 1] = ':';
        memcpy(to->buffer + to->used, line + name, value);
        to->used += value;
        to->buffer[to->used++] = '\n';
        return;
    }
    playcount_sender_line(to, line, length);
    to->name = name;
}
