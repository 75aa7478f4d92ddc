/* What the client's fuzzers share. */
#ifndef PLAYCOUNT_FUZZ_CLIENT_H
#define PLAYCOUNT_FUZZ_CLIENT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

#define CHECK(condition)                                                           \
    do {                                                                           \
        if (!(condition)) {                                                        \
            abort();                                                               \
        }                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A client of this server, which is asked once. */
static inline playcount_client *fuzz_client(const char *address)
{
    playcount_options options;
    playcount_error error;
    playcount_client *client;

    playcount_options_init(&options);
    options.servers = &address;
    options.servers_n = 1;
    options.retries = 0;
    client = playcount_open(&options, &error);
    CHECK(client);
    return client;
}

#endif
