/* A request with places for ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/load.h"

#define PLACE "@@@@@@@@@@@@@@@@"
#define PREFIX "song"
#define DIGITS 12

static uint64_t songs = 1, state = 88172645463325252u, written;
static request_order order;

static void *need(void *memory)
{
    if (!memory) {
        fprintf(stderr, "load: out of memory\n");
        exit(1);
    }
    return memory;
}

void request_load(request *r, const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t size = 0;

    if (!f) {
        perror(path);
        exit(1);
    }
    memset(r, 0, sizeof(*r));
    for (;;) {
        if (r->length == size) {
            size = size ? size * 2 : 4096;
            r->bytes = need(realloc(r->bytes, size));
        }
        size_t n = fread(r->bytes + r->length, 1, size - r->length, f);
        if (!n) {
            break;
        }
        r->length += n;
    }
    fclose(f);

    r->places = need(calloc(r->length / (sizeof(PLACE) - 1) + 1, sizeof(size_t)));
    for (size_t i = 0; i + sizeof(PLACE) - 1 <= r->length;) {
        if (memcmp(r->bytes + i, PLACE, sizeof(PLACE) - 1) == 0) {
            r->places[r->count++] = i;
            i += sizeof(PLACE) - 1;
        }
        else {
            i++;
        }
    }
}

void request_choose(uint64_t number, request_order which, uint64_t seed)
{
    songs = number ? number : 1;
    order = which;
    state ^= seed * 0x9e3779b97f4a7c15u;
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift
 * generators, scrambled", 2016. */
static uint64_t random_number(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1du;
}

static uint64_t choose(void)
{
    if (order == IN_TURN) {
        return written < songs ? written : songs - 1;
    }
    if (order == OVER_AND_OVER) {
        return written % songs;
    }
    return (uint64_t)(((__uint128_t)random_number() * songs) >> 64);
}

int request_write(const request *r, char *to)
{
    if (order == IN_TURN && r->count && written >= songs) {
        return 0;
    }
    memcpy(to, r->bytes, r->length);
    for (size_t i = 0; i < r->count; i++) {
        char *place = to + r->places[i];
        uint64_t n = choose();

        memcpy(place, PREFIX, sizeof(PREFIX) - 1);
        for (int d = DIGITS - 1; d >= 0; d--) {
            place[sizeof(PREFIX) - 1 + d] = (char)('0' + n % 10);
            n /= 10;
        }
        written++;
    }
    return 1;
}

uint64_t request_ids(void)
{
    return written;
}
