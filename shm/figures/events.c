/* The last events of the server: see events.h. */

#include "shm/figures/events.h"

const char *const playcount_event_names[PLAYCOUNT_EVENT_KINDS] = {
    "start", "graceful", "killed"};

void playcount_events_add(playcount_events *events, const playcount_event *event)
{
    uint64_t number = atomic_load_explicit(&events->next, memory_order_relaxed);
    unsigned i = number % PLAYCOUNT_EVENTS;

    /* Odd before any word changes, even after all have. */
    atomic_store_explicit(&events->entry[i].version, 2 * number + 1,
                          memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&events->entry[i].when, event->when,
                          memory_order_relaxed);
    atomic_store_explicit(&events->entry[i].what,
                          (uint64_t)event->kind << 32 | (uint32_t)event->pid,
                          memory_order_relaxed);
    atomic_store_explicit(&events->entry[i].version, 2 * number + 2,
                          memory_order_release);
    atomic_store_explicit(&events->next, number + 1, memory_order_release);
}

static int read_entry(const playcount_events *events, uint64_t number,
                      playcount_event *copy)
{
    unsigned i = number % PLAYCOUNT_EVENTS;
    uint64_t what;

    if (atomic_load_explicit(&events->entry[i].version, memory_order_acquire) !=
        2 * number + 2) {
        return 0;
    }
    copy->when = atomic_load_explicit(&events->entry[i].when, memory_order_relaxed);
    what = atomic_load_explicit(&events->entry[i].what, memory_order_relaxed);
    copy->kind = (playcount_event_e)(what >> 32);
    copy->pid = (int32_t)(uint32_t)what;
    /* All words were read before this second look at the version. */
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&events->entry[i].version, memory_order_relaxed) ==
               2 * number + 2 &&
           copy->kind < PLAYCOUNT_EVENT_KINDS;
}

unsigned playcount_events_read(const playcount_events *events, uint64_t since,
                               playcount_event copy[PLAYCOUNT_EVENTS])
{
    uint64_t end = atomic_load_explicit(&events->next, memory_order_acquire);
    uint64_t at = end > PLAYCOUNT_EVENTS ? end - PLAYCOUNT_EVENTS : 0;
    unsigned n = 0;

    for (; at < end; at++) {
        if (read_entry(events, at, &copy[n]) && copy[n].when > since) {
            n++;
        }
    }
    return n;
}
