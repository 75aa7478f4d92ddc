/* The floor of the lane: a bare epoll loop in one thread that answers GET and POST
 * of one counter, with answers as long as httpd's. It parses nothing but where a
 * request ends, knows one song, and has no time limits: what is left is what the
 * kernel takes.
 *
 *     loop PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char before[] =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Server: Apache/2.4.71 (Debian)\r\nCache-Control: no-store\r\nContent-Length: ";
static const char behind[] = "\r\nContent-Type: text/plain\r\n\r\n";

static uint64_t count;

static int listen_on(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 4096)) {
        perror("loop");
        exit(1);
    }
    return fd;
}

static char *put(char *to, const char *text, size_t n)
{
    memcpy(to, text, n);
    return to + n;
}

static char *put_number(char *to, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return put(to, digits + at, sizeof(digits) - at);
}

static char *put_answer(char *to)
{
    char body[20];
    size_t length = (size_t)(put_number(body, count) - body);

    to = put(to, before, sizeof(before) - 1);
    to = put_number(to, length);
    to = put(to, behind, sizeof(behind) - 1);
    return put(to, body, length);
}

static void answer(int fd)
{
    static char in[16384], out[1 << 20];
    ssize_t got = recv(fd, in, sizeof(in) - 1, MSG_DONTWAIT);
    char *to = out;

    if (got <= 0) {
        close(fd);
        return;
    }
    in[got] = '\0';
    for (char *at = in, *end; (end = strstr(at, "\r\n\r\n")); at = end + 4) {
        count += *at == 'P';
        to = put_answer(to);
    }
    if (send(fd, out, (size_t)(to - out), MSG_NOSIGNAL) < 0) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event e = {.events = EPOLLIN}, events[256];
    int epoll = epoll_create1(0),
        listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);

    e.data.fd = listener;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd, on = 1;

            if (fd != listener) {
                answer(fd);
                continue;
            }
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
                e.data.fd = fd;
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
            }
        }
    }
}
