/* Claiming, answering and releasing keys, under the lock: see keys.h. */

#include "shm/zone/keys.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "shm/zone/hash.h"
#include "shm/zone/key_cells.h"
#include "shm/zone/lock.h"

/* A request that has not been answered after so long has lost its claim. */
#define CLAIM_SECONDS 300

playcount_key playcount_key_hash(const playcount_zone *z, const char *key,
                                 apr_size_t length)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(key, length, z->seed);

    return (playcount_key){{h.low64, h.high64}};
}

uint64_t playcount_key_fingerprint(uint64_t fingerprint, const char *part,
                                   apr_size_t length)
{
    return XXH3_64bits_withSeed(part, length, fingerprint);
}

static int is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

/* Why this cell stands in the way of a new claim; APR_SUCCESS if it no longer does.
 */
static apr_status_t standing(const key_cell *c, uint64_t now, uint64_t ttl)
{
    uint64_t age = now > c->time ? now - c->time : 0;

    if (key_cell_state(c) == KEY_ANSWERED) {
        return age > ttl ? APR_SUCCESS : APR_EEXIST;
    }
    return age > CLAIM_SECONDS || is_gone((pid_t)c->owner) ? APR_SUCCESS
                                                           : APR_EBUSY;
}

apr_status_t playcount_key_claim(playcount_zone *z, const playcount_key *key,
                                 uint64_t now, uint64_t ttl, playcount_claim *claim)
{
    apr_status_t rv;
    key_cell *c;

    if (!z->head->keys) {
        return APR_ENOTIMPL;
    }
    if ((rv = playcount_zone_lock(z)) != APR_SUCCESS) {
        return rv;
    }
    c = playcount_key_cell(z, key);
    if (c && (rv = standing(c, now, ttl)) == APR_SUCCESS) {
        playcount_key_cell_free(z, c);
    }
    if (rv == APR_SUCCESS) {
        claim->number = playcount_key_cell_new(z, key, now)->claim;
        claim->fingerprint = 0;
    }
    playcount_zone_unlock(z);
    return rv;
}

void playcount_key_release(playcount_zone *z, const playcount_claim *claim)
{
    if (claim->number && playcount_zone_lock(z) == APR_SUCCESS) {
        key_cell *c = playcount_key_claimed(z, claim->number);

        if (c) {
            playcount_key_cell_free(z, c);
        }
        playcount_zone_unlock(z);
    }
}

apr_status_t playcount_key_recall(playcount_zone *z, const playcount_key *key,
                                  uint64_t fingerprint, uint64_t *counts,
                                  apr_size_t n)
{
    apr_status_t rv = playcount_zone_lock(z);
    const key_cell *c;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    c = z->head->keys ? playcount_key_cell(z, key) : NULL;
    if (!c || key_cell_state(c) != KEY_ANSWERED) {
        rv = APR_NOTFOUND;
    }
    else if (c->fingerprint != fingerprint || c->counts != n) {
        rv = APR_EMISMATCH;
    }
    else if (n == 1) {
        counts[0] = c->answer;
    }
    else if (z->head->answers_end - c->answer > z->head->answers) {
        rv = APR_INCOMPLETE;
    }
    else {
        uint32_t check = 0;

        for (apr_size_t i = 0; i < n; i++) {
            counts[i] = z->answers[(c->answer + i) % z->head->answers];
            check = playcount_key_answer_check(check, counts[i]);
        }
        if (check != c->owner) {
            rv = APR_INCOMPLETE;
        }
    }
    playcount_zone_unlock(z);
    return rv;
}
