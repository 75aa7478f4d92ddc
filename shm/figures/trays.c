/* What processes have measured and nobody has added yet: see trays.h. */

#include "shm/figures/trays.h"
#include "shm/hot.h"

/* A record as the tray has it, in plain words. */
typedef struct {
    uint64_t when, out, length, where;
} plain;

size_t playcount_trays_size(unsigned count)
{
    return sizeof(playcount_trays) + count * sizeof(playcount_tray);
}

void playcount_trays_init(playcount_trays *trays, unsigned count)
{
    trays->count = count;
}

/* --- taking out --- */

/* Takes what is in the tray, at most all of it; returns how many. */
static unsigned take(playcount_tray *tray, plain copy[PLAYCOUNT_TRAY_RECORDS])
{
    /* Acquire: the owner's `written` is at least what it was when the records
     * before `taken` were taken. */
    uint64_t taken = atomic_load_explicit(&tray->taken, memory_order_acquire);

    for (;;) {
        uint64_t written =
            atomic_load_explicit(&tray->written, memory_order_acquire);
        unsigned n = (unsigned)(written - taken);

        if (!n) {
            return 0;
        }
        for (unsigned i = 0; i < n && i < PLAYCOUNT_TRAY_RECORDS; i++) {
            const playcount_tray_record *r =
                &tray->record[(taken + i) % PLAYCOUNT_TRAY_RECORDS];

            copy[i].when = atomic_load_explicit(&r->when, memory_order_relaxed);
            copy[i].out = atomic_load_explicit(&r->out, memory_order_relaxed);
            copy[i].length = atomic_load_explicit(&r->length, memory_order_relaxed);
            copy[i].where = atomic_load_explicit(&r->where, memory_order_relaxed);
        }
        /* Release: read before the owner may write over them. */
        if (atomic_compare_exchange_strong_explicit(&tray->taken, &taken, written,
                                                    memory_order_acq_rel,
                                                    memory_order_acquire)) {
            return n;
        }
    }
}

/* The records with the same route and cell at the beginning are added together. */
static unsigned add_alike(playcount_figures *figures, const plain *copy, unsigned n)
{
    uint64_t value[PLAYCOUNT_FIGURES][PLAYCOUNT_TRAY_RECORDS];
    uint64_t where = copy->where;
    unsigned alike = 0;

    for (; alike < n && copy[alike].where == where; alike++) {
        value[PLAYCOUNT_REQUEST_TIME][alike] = copy[alike].when >> 32;
        value[PLAYCOUNT_APPLICATION_TIME][alike] = (uint32_t)copy[alike].when;
        value[PLAYCOUNT_OUTPUT_TIME][alike] = copy[alike].out >> 32;
        value[PLAYCOUNT_OUTPUT_BLOCKS][alike] = (uint32_t)copy[alike].out;
        value[PLAYCOUNT_OUTPUT_LENGTH][alike] = copy[alike].length;
    }
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        playcount_figures_add_values(&figures[where >> 32], f, value[f], alike);
    }
    playcount_figures_add_requests(&figures[where >> 32], (uint32_t)where, alike);
    return alike;
}

static __attribute__((noinline)) void empty(playcount_tray *tray,
                                            playcount_figures *figures)
{
    plain copy[PLAYCOUNT_TRAY_RECORDS];
    unsigned n = take(tray, copy);

    for (unsigned i = 0; i < n;) {
        i += add_alike(figures, copy + i, n - i);
    }
}

static unsigned used_of(const playcount_trays *trays)
{
    /* Acquire: not less than what it was when something was counted of which the
     * caller knows. */
    return atomic_load_explicit(&trays->used, memory_order_acquire);
}

void playcount_trays_empty(playcount_trays *trays, playcount_figures *figures)
{
    unsigned used = used_of(trays);

    for (unsigned i = 0; i < used; i++) {
        empty(&trays->tray[i], figures);
    }
}

/* --- owners --- */

static void use(playcount_trays *trays, uint32_t used)
{
    uint32_t old = atomic_load_explicit(&trays->used, memory_order_relaxed);

    while (old < used && !atomic_compare_exchange_weak_explicit(
                             &trays->used, &old, used, memory_order_release,
                             memory_order_relaxed)) {
    }
}

playcount_tray *playcount_tray_claim(playcount_trays *trays, int32_t pid)
{
    for (unsigned i = 0; i < trays->count; i++) {
        playcount_tray *tray = &trays->tray[i];
        int32_t owner = 0;

        /* Acquire: the former owner's records come before ours. */
        if (!atomic_load_explicit(&tray->owner, memory_order_relaxed) &&
            atomic_compare_exchange_strong_explicit(&tray->owner, &owner, pid,
                                                    memory_order_acquire,
                                                    memory_order_relaxed)) {
            use(trays, i + 1);
            return tray;
        }
    }
    return NULL;
}

void playcount_tray_give_back(playcount_tray *tray, playcount_figures *figures)
{
    empty(tray, figures);
    /* A thread may have been killed with it. */
    atomic_store_explicit(&tray->writing, 0, memory_order_relaxed);
    atomic_store_explicit(&tray->owner, 0, memory_order_release);
}

void playcount_trays_release(playcount_trays *trays, playcount_figures *figures,
                             int32_t pid)
{
    unsigned used = used_of(trays);

    for (unsigned i = 0; i < used; i++) {
        playcount_tray *tray = &trays->tray[i];

        if (atomic_load_explicit(&tray->owner, memory_order_acquire) == pid) {
            playcount_tray_give_back(tray, figures);
        }
    }
}

/* --- putting in --- */

static inline int fits(const uint64_t value[PLAYCOUNT_FIGURES])
{
    return (value[PLAYCOUNT_REQUEST_TIME] | value[PLAYCOUNT_APPLICATION_TIME] |
            value[PLAYCOUNT_OUTPUT_TIME] | value[PLAYCOUNT_OUTPUT_BLOCKS]) <=
           UINT32_MAX;
}

PLAYCOUNT_HOT int playcount_tray_add(playcount_tray *tray,
                                     playcount_figures *figures, unsigned route,
                                     unsigned cell,
                                     const uint64_t value[PLAYCOUNT_FIGURES])
{
    playcount_tray_record *r;
    uint64_t written;

    /* Acquire: what the last one wrote, `written` too, comes before. */
    if (!fits(value) ||
        atomic_exchange_explicit(&tray->writing, 1, memory_order_acquire)) {
        return 0;
    }
    written = atomic_load_explicit(&tray->written, memory_order_relaxed);
    /* Acquire: those who took the records that lie here have read them. */
    if (written - atomic_load_explicit(&tray->taken, memory_order_acquire) ==
        PLAYCOUNT_TRAY_RECORDS) {
        empty(tray, figures);
    }
    r = &tray->record[written % PLAYCOUNT_TRAY_RECORDS];
    atomic_store_explicit(&r->when,
                          value[PLAYCOUNT_REQUEST_TIME] << 32 |
                              value[PLAYCOUNT_APPLICATION_TIME],
                          memory_order_relaxed);
    atomic_store_explicit(&r->out,
                          value[PLAYCOUNT_OUTPUT_TIME] << 32 |
                              value[PLAYCOUNT_OUTPUT_BLOCKS],
                          memory_order_relaxed);
    atomic_store_explicit(&r->length, value[PLAYCOUNT_OUTPUT_LENGTH],
                          memory_order_relaxed);
    atomic_store_explicit(&r->where, (uint64_t)route << 32 | cell,
                          memory_order_relaxed);
    /* Release: the record before the word that hands it over. */
    atomic_store_explicit(&tray->written, written + 1, memory_order_release);
    atomic_store_explicit(&tray->writing, 0, memory_order_release);
    return 1;
}
