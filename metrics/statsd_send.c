/* Datagrams to statsd. The socket does not block: what the system has no room
 * for is counted and dropped, as UDP may do anyway. */

#include "metrics/statsd.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_log.h"
#include "apr_strings.h"

APLOG_USE_MODULE(playcount);

#define RETRY apr_time_from_sec(5)
#define NEXT_ADDRESS apr_time_from_sec(1)

void playcount_sender_init(playcount_sender *to, const playcount_statsd_conf *conf,
                           server_rec *s)
{
    memset(to, 0, sizeof(*to));
    to->conf = conf;
    to->server = s;
    to->fd = -1;
}

/* Whether nobody listens there, as far as can be told: this machine says so at
 * once. An empty datagram holds no line. */
static int refuses(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);

    return send(fd, "", 0, MSG_NOSIGNAL) < 0 ||
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error;
}

/* A connected, non-blocking socket to the first address that takes one. Of
 * several, as localhost has two, to one that does not refuse: many a statsd
 * listens on 127.0.0.1 only, while ::1 comes first. */
static int open_one(const struct addrinfo *list)
{
    int first = -1;

    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0) {
            continue;
        }
        if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
        }
        else if (!list->ai_next || !refuses(fd)) {
            if (first >= 0) {
                close(first);
            }
            return fd;
        }
        else if (first < 0) {
            first = fd;
        }
        else {
            close(fd);
        }
    }
    return first;
}

/* Whether this is news: every process finds it out by itself, one says it. */
static int is_news(int unreachable)
{
    return (int)atomic_exchange_explicit(
               &playcount_metrics_segment->header->statsd_said,
               (uint64_t)unreachable, memory_order_relaxed) != unreachable;
}

static void say(playcount_sender *to, const char *why)
{
    if (!to->said && is_news(1)) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, to->server,
            "PlaycountStatsd: %s:%d cannot be reached: %s; trying again every "
            "5 s",
            to->conf->host, to->conf->port, why);
    }
    to->said = 1;
}

int playcount_sender_ready(playcount_sender *to, apr_pool_t *pool)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *list = NULL;
    int error;

    if (to->many && to->refused && apr_time_now() >= to->try_again) {
        playcount_sender_close(to); /* perhaps there is one at another address */
    }
    if (to->fd >= 0) {
        return 1;
    }
    if (apr_time_now() < to->try_again) {
        return 0;
    }
    error =
        getaddrinfo(to->conf->host, apr_itoa(pool, to->conf->port), &hints, &list);
    if (!error) {
        to->fd = open_one(list);
        to->many = list->ai_next != NULL;
        freeaddrinfo(list);
    }
    if (to->fd < 0) {
        say(to, error ? gai_strerror(error) : "no route to any of its addresses");
        to->try_again = apr_time_now() + RETRY;
        return 0;
    }
    if (is_news(0)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, to->server,
                     "PlaycountStatsd: sending to %s:%d", to->conf->host,
                     to->conf->port);
    }
    to->said = to->refused = 0;
    to->try_again = apr_time_now() + NEXT_ADDRESS;
    return 1;
}

void playcount_sender_close(playcount_sender *to)
{
    if (to->fd >= 0) {
        close(to->fd);
    }
    to->fd = -1;
}

void playcount_sender_flush(playcount_sender *to)
{
    playcount_segment_header *header = playcount_metrics_segment->header;
    int sent = 0;

    if (!to->used) {
        return;
    }
    /* Without the last newline. An ICMP "port unreachable" for an earlier
     * datagram comes back as an error of this one, which then is not sent: try
     * once more. */
    for (int i = 0; to->fd >= 0 && !sent && i < 2; i++) {
        sent = send(to->fd, to->buffer, to->used - 1, MSG_NOSIGNAL) >= 0;
        to->refused |= !sent && errno == ECONNREFUSED;
    }
    atomic_fetch_add_explicit(sent ? &header->statsd_datagrams
                                   : &header->statsd_failures,
                              1, memory_order_relaxed);
    to->used = 0;
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
    to->used += length + 1;
}
