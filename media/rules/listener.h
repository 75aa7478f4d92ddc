/* A listener as a number: SipHash-2-4 of song, address and User-Agent under a key
 * of 128 bits. The key is random and thrown away with the window, so that the
 * number leads back to nobody: without the key it cannot be computed from an
 * address and a User-Agent that are guessed.
 *
 * Source: Aumasson and Bernstein, SipHash: a fast short-input PRF, 2012.
 */
#ifndef PLAYCOUNT_MEDIA_RULES_LISTENER_H
#define PLAYCOUNT_MEDIA_RULES_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#include "media/rules/address.h"

#define PLAYCOUNT_LISTENER_KEY 16

/* The listener's number, never 0. `address` is whole; what of it counts is taken
 * here. Never fails, keeps nothing. */
uint64_t playcount_listener(const uint8_t key[PLAYCOUNT_LISTENER_KEY],
                            const char *song, size_t song_n,
                            const playcount_address *address, const char *agent,
                            size_t agent_n);

/* SipHash-2-4 of n bytes. */
uint64_t playcount_siphash(const uint8_t key[PLAYCOUNT_LISTENER_KEY],
                           const void *bytes, size_t n);

/* Fill with random bytes of the kernel. 0, or -1: there are none. */
int playcount_random(void *bytes, size_t n);

#endif
