/* What a connection in the loop does next: see lane.h for its states. */

#include "lane/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"

#define LINGER apr_time_from_sec(2)

void playcount_lane_watch(playcount_lane_connection *k, int what)
{
    struct epoll_event e = {.events = (uint32_t)what, .data.ptr = k};

    if (epoll_ctl(playcount_lane_epoll, EPOLL_CTL_MOD, k->fd, &e) &&
        errno == ENOENT) {
        epoll_ctl(playcount_lane_epoll, EPOLL_CTL_ADD, k->fd, &e);
    }
}

void playcount_lane_unwatch(playcount_lane_connection *k)
{
    epoll_ctl(playcount_lane_epoll, EPOLL_CTL_DEL, k->fd, NULL);
}

void playcount_lane_keep(playcount_lane_connection *k, const char *bytes,
                         apr_size_t n)
{
    k->in = ap_malloc(n);
    memcpy(k->in, bytes, n);
    k->in_length = n;
}

/* Wait for a request, or the rest of one. */
void playcount_lane_read_on(playcount_lane_connection *k)
{
    apr_interval_time_t patience = apr_time_from_sec(PLAYCOUNT_LANE_PATIENCE);

    k->state = PLAYCOUNT_LANE_READING;
    if (k->in && patience > k->timeout) {
        patience = k->timeout;
    }
    k->deadline = playcount_lane_now + (k->in ? patience : k->keep_alive);
}

/* Wait until more can be sent; nothing is read meanwhile. */
void playcount_lane_write_on(playcount_lane_connection *k)
{
    if (k->state != PLAYCOUNT_LANE_WRITING) {
        k->state = PLAYCOUNT_LANE_WRITING;
        playcount_lane_watch(k, EPOLLOUT);
    }
    k->deadline = playcount_lane_now + k->timeout;
}

void playcount_lane_destroy(playcount_lane_connection *k)
{
    conn_rec *c = k->c;

    playcount_lane_unwatch(k);
    playcount_lane_unlink(k);
    free(k->in);
    free(k->out);
    /* As the MPM's accounts have it. */
    c->cs->state = CONN_STATE_SUSPENDED;
    apr_pool_destroy(c->pool);
}

/* The client must get what was sent, and see that no more comes; what it still
 * sends is thrown away for a while, so that the kernel does not reset the
 * connection. */
static void linger(playcount_lane_connection *k)
{
    k->state = PLAYCOUNT_LANE_LINGERING;
    k->deadline = playcount_lane_now + LINGER;
    playcount_lane_watch(k, EPOLLIN);
}

void playcount_lane_close(playcount_lane_connection *k)
{
    if (ap_prep_lingering_close(k->c) || shutdown(k->fd, SHUT_WR)) {
        playcount_lane_destroy(k);
        return;
    }
    linger(k);
}

static void throw_away(playcount_lane_connection *k)
{
    char bytes[PLAYCOUNT_LANE_READ];
    ssize_t got = recv(k->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        playcount_lane_destroy(k);
    }
}

static void write_more(playcount_lane_connection *k)
{
    ssize_t sent = send(k->fd, k->out + k->out_sent, k->out_length - k->out_sent,
                        MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            playcount_lane_destroy(k);
        }
        return;
    }
    k->out_sent += (apr_size_t)sent;
    if (k->out_sent < k->out_length) {
        playcount_lane_write_on(k);
        return;
    }
    free(k->out);
    k->out = NULL;
    k->out_length = 0;
    playcount_lane_watch(k, EPOLLIN);
    playcount_lane_read_on(k);
    playcount_lane_batch(&k, 1, 0);
}

void playcount_lane_ready(playcount_lane_connection *k)
{
    switch (k->state) {
    case PLAYCOUNT_LANE_WRITING:
        write_more(k);
        break;
    case PLAYCOUNT_LANE_AWAITING:
        playcount_lane_lend(k);
        break;
    case PLAYCOUNT_LANE_LINGERING:
        throw_away(k);
        break;
    default:
        break;
    }
}

void playcount_lane_overdue(playcount_lane_connection *k)
{
    switch (k->state) {
    case PLAYCOUNT_LANE_READING:
        if (k->in) {
            k->expired = 1; /* httpd says what it says then */
            playcount_lane_lend(k);
            break;
        }
        playcount_lane_close(k);
        break;
    case PLAYCOUNT_LANE_AWAITING:
        if (k->wish == PLAYCOUNT_LANE_AWAIT_INPUT) {
            playcount_lane_close(k);
            break;
        }
        playcount_lane_destroy(k);
        break;
    case PLAYCOUNT_LANE_WRITING:
    case PLAYCOUNT_LANE_LINGERING:
        playcount_lane_destroy(k);
        break;
    default:
        break;
    }
}

static void await(playcount_lane_connection *k, int what)
{
    k->state = PLAYCOUNT_LANE_AWAITING;
    k->deadline = playcount_lane_now + k->timeout;
    playcount_lane_watch(k, what);
}

void playcount_lane_returned(playcount_lane_connection *k)
{
    switch (k->wish) {
    case PLAYCOUNT_LANE_READ_ON:
        playcount_lane_watch(k, EPOLLIN);
        playcount_lane_read_on(k);
        if (k->in || playcount_lane_loop_stopping()) {
            playcount_lane_batch(&k, 1, playcount_lane_loop_stopping());
        }
        break;
    case PLAYCOUNT_LANE_AWAIT_INPUT:
        await(k, EPOLLIN);
        break;
    case PLAYCOUNT_LANE_AWAIT_OUTPUT:
        await(k, EPOLLOUT);
        break;
    case PLAYCOUNT_LANE_CLOSE:
        if (k->ended) {
            playcount_lane_destroy(k);
            break;
        }
        linger(k);
        break;
    }
}
