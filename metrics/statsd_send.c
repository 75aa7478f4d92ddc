/* Datagrams to statsd. The socket does not block: what the system has no room
 * for is counted and dropped, as UDP may do anyway. */

#include "metrics/statsd.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_log.h"
#include "apr_strings.h"

APLOG_USE_MODULE(playcount);

#define RETRY apr_time_from_sec(5)

void playcount_sender_init(playcount_sender *to, const playcount_statsd_conf *conf,
                           server_rec *s)
{
    memset(to, 0, sizeof(*to));
    to->conf = conf;
    to->server = s;
    to->fd = -1;
}

/* A connected, non-blocking socket to the first address that takes one. */
static int open_first(const struct addrinfo *list)
{
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            return fd;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return -1;
}

static void say(playcount_sender *to, const char *why)
{
    if (!to->said) {
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

    if (to->fd >= 0) {
        return 1;
    }
    if (apr_time_now() < to->try_again) {
        return 0;
    }
    error =
        getaddrinfo(to->conf->host, apr_itoa(pool, to->conf->port), &hints, &list);
    if (!error) {
        to->fd = open_first(list);
        freeaddrinfo(list);
    }
    if (to->fd < 0) {
        say(to, error ? gai_strerror(error) : "no route to any of its addresses");
        to->try_again = apr_time_now() + RETRY;
        return 0;
    }
    if (to->said) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, to->server,
                     "PlaycountStatsd: sending to %s:%d", to->conf->host,
                     to->conf->port);
    }
    to->said = 0;
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

    if (!to->used) {
        return;
    }
    /* Without the last newline. An ICMP "port unreachable" for an earlier
     * datagram comes back as an error of this one, which then is not sent: try
     * once more. */
    if (to->fd >= 0 &&
        (send(to->fd, to->buffer, to->used - 1, MSG_NOSIGNAL) >= 0 ||
         send(to->fd, to->buffer, to->used - 1, MSG_NOSIGNAL) >= 0)) {
        atomic_fetch_add_explicit(&header->statsd_datagrams, 1,
                                  memory_order_relaxed);
    }
    else {
        atomic_fetch_add_explicit(&header->statsd_failures, 1,
                                  memory_order_relaxed);
    }
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
