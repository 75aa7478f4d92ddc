/* Requests in flight: see inflight.h. */

#include "shm/figures/inflight.h"

static size_t width(unsigned routes)
{
    return 1 + (size_t)routes;
}

size_t playcount_inflight_size(unsigned rows, unsigned routes)
{
    return sizeof(playcount_inflight) +
           (1 + (size_t)rows) * width(routes) * sizeof(int32_t);
}

void playcount_inflight_init(playcount_inflight *in, unsigned rows, unsigned routes)
{
    in->rows = rows;
    in->routes = routes;
}

static _Atomic int32_t *row(const playcount_inflight *in, unsigned i)
{
    return (_Atomic int32_t *)&in->cell[i * width(in->routes)];
}

static void empty(playcount_inflight *in, _Atomic int32_t *r)
{
    for (unsigned i = 0; i < in->routes; i++) {
        atomic_store_explicit(&r[1 + i], 0, memory_order_relaxed);
    }
}

_Atomic int32_t *playcount_inflight_claim(playcount_inflight *in, int32_t pid)
{
    for (unsigned i = 1; i <= in->rows; i++) {
        _Atomic int32_t *r = row(in, i);
        int32_t owner = 0;

        /* Acquire: the emptying of the row comes before its new use. */
        if (atomic_compare_exchange_strong_explicit(
                r, &owner, pid, memory_order_acquire, memory_order_relaxed)) {
            return r;
        }
    }
    return row(in, 0);
}

void playcount_inflight_leave(_Atomic int32_t *row)
{
    int32_t pid = atomic_load_explicit(row, memory_order_relaxed);

    if (pid > 0) { /* row 0 belongs to no process */
        atomic_store_explicit(row, -pid, memory_order_relaxed);
    }
}

int playcount_inflight_release(playcount_inflight *in, int32_t pid)
{
    int killed = 0;

    for (unsigned i = 1; i <= in->rows; i++) {
        _Atomic int32_t *r = row(in, i);
        int32_t owner = atomic_load_explicit(r, memory_order_relaxed);

        if (owner == pid || owner == -pid) {
            killed |= owner == pid;
            empty(in, r);
            /* Release: empty first, then free to be claimed. */
            atomic_store_explicit(r, 0, memory_order_release);
        }
    }
    return killed;
}

uint32_t playcount_inflight_count(const playcount_inflight *in, unsigned route)
{
    int64_t count = 0;

    for (unsigned i = 0; i <= in->rows; i++) {
        count += atomic_load_explicit(&row(in, i)[1 + route], memory_order_relaxed);
    }
    return count > 0 ? (uint32_t)count : 0;
}
