/* A connection: opened, written to, closed. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/loop.h"

#define OPENING 256 /* connections opened side by side */

void connect_now(connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(the.plan->port)};
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                            .data.ptr = c};
    int one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->state = CLOSED;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) &&
                      errno != EINPROGRESS)) {
        the.result->connect++;
        if (c->fd >= 0) {
            close(c->fd);
            c->fd = -1;
        }
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->state = CONNECTING;
    epoll_ctl(the.epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

/* A connection counts as opened when its first answer is in: before, the server
 * may not even have accepted it. A slow one asks later, and so does one that is
 * alone: its first answer may be long. */
void open_more(void)
{
    while (the.opening < OPENING && the.next_to_open < the.total) {
        connection *c = &the.all[the.next_to_open++];

        connect_now(c);
        if (c->state == CONNECTING) {
            the.opening++;
        }
        else {
            the.opened++;
        }
    }
}

void is_open(void)
{
    the.opening--;
    the.opened++;
}

void drop(connection *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    free(c->rest);
    c->rest = NULL;
    c->fd = -1;
    c->state = CLOSED;
    c->awaited = 0;
}

void write_rest(connection *c)
{
    while (c->rest) {
        ssize_t n = write(c->fd, c->rest + c->rest_at, c->rest_length - c->rest_at);

        if (n < 0) {
            return; /* EAGAIN: goes on when writable; an error shows in reading */
        }
        c->rest_at += (size_t)n;
        if (c->rest_at == c->rest_length) {
            free(c->rest);
            c->rest = NULL;
        }
    }
}

void send_turn(connection *c, size_t length)
{
    ssize_t n = write(c->fd, the.turn, length);
    size_t sent = n < 0 ? 0 : (size_t)n;

    if (sent < length) {
        c->rest = malloc(length - sent);
        if (!c->rest) {
            perror("load");
            exit(1);
        }
        memcpy(c->rest, the.turn + sent, length - sent);
        c->rest_at = 0;
        c->rest_length = length - sent;
    }
}
