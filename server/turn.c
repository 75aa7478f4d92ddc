/* Whose turn it is: see turn.h. */

#include "server/turn.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "server/retained.h"

#define PROCESS 0xffffffffULL
#define GENERATION_SHIFT 32

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

/* Of a clock that all processes share, and nobody sets. */
static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t me(const playcount_seat *seat)
{
    return seat->generation << GENERATION_SHIFT | (uint64_t)getpid();
}

apr_status_t playcount_turn_open(playcount_seat *seat, const char *name,
                                 server_rec *s)
{
    void *memory;
    int fresh;
    apr_status_t rv = playcount_retained_memory(
        s, "turn", name, sizeof(playcount_turn), &memory, &fresh);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *seat = (playcount_seat){.turn = memory};
    seat->generation = (atomic_fetch_add(&seat->turn->generation, 1) + 1) & PROCESS;
    return APR_SUCCESS;
}

/* May this turn be taken? A process that stands still is noted. */
static int is_free(playcount_seat *seat, uint64_t holder)
{
    uint64_t beat = load(&seat->turn->beat);
    pid_t process = (pid_t)(holder & PROCESS);

    if (!holder || holder >> GENERATION_SHIFT != seat->generation ||
        (kill(process, 0) != 0 && errno == ESRCH)) {
        return 1;
    }
    if (beat != seat->beat) {
        seat->beat = beat;
        seat->looks = 0;
    }
    else if (++seat->looks > PLAYCOUNT_TURN_LOOKS) {
        seat->stood = (uint64_t)process;
        return 1;
    }
    return 0;
}

int playcount_turn_ask(playcount_seat *seat)
{
    playcount_turn *turn = seat->turn;
    uint64_t holder = load(&turn->holder);

    seat->stood = 0;
    if (holder == me(seat)) {
        return 1;
    }
    if ((load(&turn->generation) & PROCESS) != seat->generation ||
        !is_free(seat, holder)) {
        return 0;
    }
    seat->looks = 0;
    if (!atomic_compare_exchange_strong(&turn->holder, &holder, me(seat))) {
        seat->stood = 0;
        return 0;
    }
    playcount_turn_beat(seat);
    if (seat->stood) {
        atomic_fetch_add(&turn->taken, 1);
    }
    return 1;
}

int playcount_turn_is_mine(const playcount_seat *seat)
{
    return load(&seat->turn->holder) == me(seat);
}

void playcount_turn_beat(const playcount_seat *seat)
{
    if (playcount_turn_is_mine(seat)) {
        atomic_store_explicit(&seat->turn->beat, now_ms(), memory_order_release);
    }
}

void playcount_turn_give(const playcount_seat *seat)
{
    uint64_t mine = me(seat);

    atomic_compare_exchange_strong(&seat->turn->holder, &mine, 0);
}

uint64_t playcount_turn_holder(const playcount_turn *turn, uint64_t *still)
{
    uint64_t beat = load(&turn->beat), now = now_ms();

    *still = beat && now > beat ? now - beat : 0;
    return load(&turn->holder) & PROCESS;
}
