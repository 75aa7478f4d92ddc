/* The lock, over the repair: see lock.h. */

#include "shm/zone/lock.h"

#include <unistd.h>

#include "apr_time.h"

#include "shm/zone/repair.h"

#define FEW 4 /* threads of a process that wait for a lock that is frozen */
#define PATIENCE apr_time_from_msec(2000)
#define SUSPICION apr_time_from_msec(1000) /* so long without a turn is frozen */
#define SLICE apr_time_from_msec(100)

static uint64_t load(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

/* Some kinds of locks know no time limit. */
static apr_status_t lock_within(apr_global_mutex_t *lock, apr_interval_time_t limit)
{
    apr_status_t rv = apr_global_mutex_timedlock(lock, limit);

    if (!APR_STATUS_IS_ENOTIMPL(rv)) {
        return rv;
    }
    for (; limit > 0; limit -= apr_time_from_msec(2)) {
        rv = apr_global_mutex_trylock(lock);
        if (!APR_STATUS_IS_EBUSY(rv)) {
            return rv;
        }
        apr_sleep(apr_time_from_msec(2));
    }
    return APR_TIMEUP;
}

/* The lock is taken: wait as long as it changes hands, a little longer if it does
 * not, and not at all if it was found frozen and enough others wait. */
static apr_status_t wait_for_turn(playcount_zone *z)
{
    zone_header *head = z->head;
    int is_one_of_few =
        atomic_fetch_add_explicit(&z->waiting, 1, memory_order_relaxed) < FEW;
    uint64_t turns = load(&head->turns);
    apr_interval_time_t waited = 0, quiet = 0;
    apr_status_t rv = APR_TIMEUP;

    while (APR_STATUS_IS_TIMEUP(rv) && waited < PATIENCE &&
           (is_one_of_few || load(&head->frozen) != turns + 1)) {
        rv = lock_within(z->lock, SLICE);
        waited += SLICE;
        quiet = load(&head->turns) == turns ? quiet + SLICE : 0;
        turns = load(&head->turns);
        if (APR_STATUS_IS_TIMEUP(rv) && quiet >= SUSPICION) {
            atomic_store_explicit(&head->frozen, turns + 1, memory_order_relaxed);
        }
    }
    atomic_fetch_sub_explicit(&z->waiting, 1, memory_order_relaxed);
    return rv;
}

/* The lock is ours. */
static void begin_turn(playcount_zone *z)
{
    zone_header *head = z->head;

    if (z->lock) {
        atomic_store_explicit(&head->holder, z->process, memory_order_relaxed);
        atomic_store_explicit(&head->turns, load(&head->turns) + 1,
                              memory_order_relaxed);
    }
    if (atomic_load_explicit(&head->op, memory_order_acquire) != OP_NONE) {
        playcount_repair(z);
    }
}

apr_status_t playcount_zone_try_lock(playcount_zone *z)
{
    apr_status_t rv = z->lock ? apr_global_mutex_trylock(z->lock) : APR_SUCCESS;

    if (rv == APR_SUCCESS) {
        begin_turn(z);
    }
    return rv;
}

apr_status_t playcount_zone_lock(playcount_zone *z)
{
    apr_status_t rv = playcount_zone_try_lock(z);

    if (APR_STATUS_IS_EBUSY(rv) && (rv = wait_for_turn(z)) == APR_SUCCESS) {
        begin_turn(z);
    }
    return rv;
}

void playcount_zone_unlock(playcount_zone *z)
{
    if (z->lock) {
        atomic_store_explicit(&z->head->holder, 0, memory_order_relaxed);
        apr_global_mutex_unlock(z->lock);
    }
}

void playcount_zone_set_process(playcount_zone *z)
{
    z->process = (uint64_t)getpid();
}

uint64_t playcount_zone_holder(const playcount_zone *z)
{
    return load(&z->head->holder);
}

int playcount_zone_say_frozen(playcount_zone *z, uint64_t now)
{
    uint64_t last = load(&z->head->frozen_logged_at);

    return (now < last || now - last >= 60) &&
           atomic_compare_exchange_strong_explicit(&z->head->frozen_logged_at,
                                                   &last, now, memory_order_relaxed,
                                                   memory_order_relaxed);
}

apr_status_t playcount_zone_repair(playcount_zone *z)
{
    apr_status_t rv = APR_SUCCESS;

    if (atomic_load_explicit(&z->head->op, memory_order_acquire) != OP_NONE) {
        rv = playcount_zone_lock(z);
        if (rv == APR_SUCCESS) {
            playcount_zone_unlock(z);
        }
    }
    return rv;
}
