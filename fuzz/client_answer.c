/* What a server answers, as bytes on a connection: the status line, the header, the
 * body. The first byte chooses what is asked. The client comes back in time, with a
 * count or with a sentence.
 */

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/client.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t answer[65536];
static size_t answer_size;

static void set_answer(const uint8_t *data, size_t size)
{
    pthread_mutex_lock(&lock);
    answer_size = size < sizeof(answer) ? size : sizeof(answer);
    memcpy(answer, data, answer_size);
    pthread_mutex_unlock(&lock);
}

static int send_answer(int fd)
{
    ssize_t sent;

    pthread_mutex_lock(&lock);
    sent = send(fd, answer, answer_size, MSG_NOSIGNAL);
    pthread_mutex_unlock(&lock);
    return sent >= 0;
}

/* One connection after the other: a request is read up to its empty line, and the
 * bytes are sent; then the connection ends. */
static void *serve(void *listener)
{
    for (;;) {
        char request[65536];
        size_t n = 0;
        int fd = accept(*(int *)listener, NULL, NULL);

        if (fd < 0) {
            return NULL;
        }
        while (n < sizeof(request) - 1) {
            ssize_t got = recv(fd, request + n, sizeof(request) - 1 - n, 0);

            if (got <= 0) {
                break;
            }
            n += (size_t)got;
            request[n] = '\0';
            if (strstr(request, "\r\n\r\n")) {
                break;
            }
        }
        if (send_answer(fd)) {
            shutdown(fd, SHUT_WR);
            while (recv(fd, request, sizeof(request), 0) > 0) {
            }
        }
        close(fd);
    }
}

/* The address. */
static const char *start(void)
{
    static int listener;
    static char address[64];
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(at);
    pthread_t thread;

    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0 && !bind(listener, (struct sockaddr *)&at, sizeof(at)) &&
          !listen(listener, 16) &&
          !getsockname(listener, (struct sockaddr *)&at, &length) &&
          !pthread_create(&thread, NULL, serve, &listener));
    snprintf(address, sizeof(address), "http://127.0.0.1:%d/", ntohs(at.sin_port));
    return address;
}

static int see(void *context, int server, const char *id, uint64_t count)
{
    CHECK(context && server == 0 && *id && count <= PLAYCOUNT_COUNT_MAX);
    return 0;
}

static playcount_status ask(playcount_client *client, int what,
                            playcount_error *error)
{
    playcount_song songs[] = {{.id = "a", .by = 1}, {.id = "b,", .by = 2}};
    uint64_t count = 0;
    playcount_status status;

    switch (what) {
    case 0:
        status = playcount_get(client, "a", &count, error);
        break;
    case 1:
        status = playcount_play(client, "a", &count, error);
        break;
    case 2:
        status = playcount_add_many(client, songs, 2, error);
        break;
    case 3:
        status = playcount_list(client, see, error, NULL, error);
        break;
    case 4:
        status = playcount_top(client, 3, see, error, NULL, error);
        break;
    default:
        status = playcount_reset(client, NULL, error);
    }
    CHECK(count <= PLAYCOUNT_COUNT_MAX);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *address;
    playcount_client *client;
    playcount_error error = {0};

    if (!address) {
        address = start();
    }
    client = fuzz_client(address); /* a new one, so that each has its connection */
    set_answer(data + (size > 0), size - (size > 0));
    if (ask(client, size ? data[0] % 6 : 0, &error) != PLAYCOUNT_OK) {
        CHECK(error.sentence[0]);
        CHECK(memchr(error.sentence, '\0', sizeof(error.sentence)));
        CHECK(!strpbrk(error.sentence, "\r\n\x1b"));
    }
    playcount_close(client);
    return 0;
}
