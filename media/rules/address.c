/* Addresses of listeners. See address.h; networks.c has the lists. */
#include <arpa/inet.h>
#include <string.h>

#include "media/rules/address.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int playcount_address_read(playcount_address *address, const char *text, size_t n)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (n >= sizeof(copy)) {
        return 0;
    }
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1) {
        playcount_address_set(address, bytes, 4);
        return 1;
    }
    if (inet_pton(AF_INET6, copy, bytes) == 1) {
        playcount_address_set(address, bytes, 16);
        return 1;
    }
    return 0;
}

playcount_address playcount_address_listener(const playcount_address *address)
{
    playcount_address part = *address;

    if (memcmp(address->bytes, mapped, sizeof(mapped)) != 0) {
        memset(part.bytes + 8, 0, 8);
    }
    return part;
}
