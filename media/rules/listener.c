/* Listeners as numbers. See listener.h. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "media/rules/listener.h"

/* SipHash's state while bytes come in any portions. */
typedef struct {
    uint64_t v[4];
    uint64_t word;  /* the bytes that are not yet mixed in, lowest first */
    uint64_t total; /* bytes so far */
} sip;

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

/* Eight bytes, the lowest first. */
static uint64_t little(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* One round. Inlined, over a local array, so that the compiler keeps it in
 * registers. */
static inline void turn(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32) + v[3];
    v[2] += v[1];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void begin(sip *s, const uint8_t key[PLAYCOUNT_LISTENER_KEY])
{
    uint64_t k0 = little(key), k1 = little(key + 8);

    s->v[0] = k0 ^ 0x736f6d6570736575;
    s->v[1] = k1 ^ 0x646f72616e646f6d;
    s->v[2] = k0 ^ 0x6c7967656e657261;
    s->v[3] = k1 ^ 0x7465646279746573;
    s->word = s->total = 0;
}

static inline void mix(sip *s, uint64_t word)
{
    uint64_t v[4] = {s->v[0], s->v[1], s->v[2], s->v[3] ^ word};

    turn(v);
    turn(v);
    v[0] ^= word;
    memcpy(s->v, v, sizeof(v));
}

static void add(sip *s, const void *bytes, size_t n)
{
    const uint8_t *b = bytes;
    unsigned there = (unsigned)(s->total % 8) * 8; /* bits in s->word */
    uint64_t word = 0;

    s->total += n;
    for (; n >= 8; b += 8, n -= 8) {
        uint64_t next = little(b);

        mix(s, s->word | next << there);
        s->word = there ? next >> (64 - there) : 0;
    }
    for (size_t i = 0; i < n; i++) {
        word |= (uint64_t)b[i] << (8 * i);
    }
    if (n) {
        uint64_t all = s->word | word << there;

        if (there + 8 * n >= 64) {
            mix(s, all);
            all = there ? word >> (64 - there) : 0;
        }
        s->word = all;
    }
}

static uint64_t finish(sip *s)
{
    mix(s, s->word | s->total << 56);
    s->v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) {
        turn(s->v);
    }
    return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

uint64_t playcount_siphash(const uint8_t key[PLAYCOUNT_LISTENER_KEY],
                           const void *bytes, size_t n)
{
    sip s;

    begin(&s, key);
    add(&s, bytes, n);
    return finish(&s);
}

/* The lengths go in as well, so that no two listeners have the same bytes. */
uint64_t playcount_listener(const uint8_t key[PLAYCOUNT_LISTENER_KEY],
                            const char *song, size_t song_n,
                            const playcount_address *address, const char *agent,
                            size_t agent_n)
{
    playcount_address part = playcount_address_listener(address);
    uint64_t length = song_n, number;
    sip s;

    begin(&s, key);
    add(&s, part.bytes, sizeof(part.bytes));
    add(&s, &length, sizeof(length));
    add(&s, song, song_n);
    add(&s, agent, agent_n);
    number = finish(&s);
    return number ? number : 1;
}

int playcount_random(void *bytes, size_t n)
{
    uint8_t *to = bytes;

    while (n) {
        ssize_t got = getrandom(to, n, 0);

        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got > 0) {
            to += got;
            n -= (size_t)got;
        }
    }
    return 0;
}
