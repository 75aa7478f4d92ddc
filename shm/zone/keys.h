/* Idempotency keys: the last K requests with a key, and their answers.
 *
 * A request with a key goes through three steps:
 *   1. playcount_key_claim(): the key is claimed for this request, or it is
 *      answered already, or another request is still working on it;
 *   2. playcount_zone_add_many() with the claim: counts, and keeps the answer
 *      under the key, in one step that is done wholly or not at all;
 *   3. or playcount_key_release(), when the request was refused.
 * The claim of a process that has died is free for the next request. A key is known
 * by a 128-bit hash, the request by a 64-bit one.
 *
 * The answers are kept in a ring of 8 x K counts (and 65,536 more); so a batch of
 * more than eight songs may lose its answer before its key: then it is still
 * known that the batch counted.
 */
#ifndef PLAYCOUNT_SHM_KEYS_H
#define PLAYCOUNT_SHM_KEYS_H

#include "shm/zone/zone.h"

typedef struct {
    uint64_t id[2]; /* hash of the key */
} playcount_key;

/* [any] The hash of a key, the same as long as the zone lives. */
playcount_key playcount_key_hash(const playcount_zone *zone, const char *key,
                                 apr_size_t length);

/* [any] A hash of a request, to be continued part by part: begin with 0. */
uint64_t playcount_key_fingerprint(uint64_t fingerprint, const char *part,
                                   apr_size_t length);

/* [any] [lock] Claim a key at the time `now` (seconds since 1970); answers older
 * than `ttl` seconds are forgotten.
 *   APR_SUCCESS  claimed: claim->number is set
 *   APR_EEXIST   answered before: see playcount_key_recall()
 *   APR_EBUSY    its first request is still being answered
 *   APR_ENOTIMPL the zone keeps no keys */
apr_status_t playcount_key_claim(playcount_zone *zone, const playcount_key *key,
                                 uint64_t now, uint64_t ttl,
                                 playcount_claim *claim);

/* [any] [lock] The answer kept under a key to the request with this fingerprint: as
 * many counts as it has songs, in their order.
 *   APR_SUCCESS     counts[0 .. n-1] are those of the first answer
 *   APR_EMISMATCH   the key was used for another request
 *   APR_INCOMPLETE  the request counted, but its answer is gone
 *   APR_NOTFOUND    the key is gone */
apr_status_t playcount_key_recall(playcount_zone *zone, const playcount_key *key,
                                  uint64_t fingerprint, uint64_t *counts,
                                  apr_size_t n);

/* [any] [lock] Give a claim back: nothing was counted. */
void playcount_key_release(playcount_zone *zone, const playcount_claim *claim);

#endif
