/* A histogram of microseconds. See histogram.h. */
#include "client/command/histogram.h"

/* Cells 0 to 63 are the values 0 to 63; from there on every power of two has a row
 * of 64 cells. */
static unsigned cell_of(uint64_t us)
{
    if (us < HISTOGRAM_STEPS) {
        return (unsigned)us;
    }
    unsigned power = 63 - (unsigned)__builtin_clzll(us); /* 6 and up */
    unsigned row = power - 5;
    unsigned cell =
        row * HISTOGRAM_STEPS + (unsigned)(us >> (power - 6)) - HISTOGRAM_STEPS;
    return cell < HISTOGRAM_CELLS ? cell : HISTOGRAM_CELLS - 1;
}

/* The highest value of a cell. */
static uint64_t top_of(unsigned cell)
{
    unsigned row = cell / HISTOGRAM_STEPS, step = cell % HISTOGRAM_STEPS;
    if (row == 0) {
        return step;
    }
    return ((uint64_t)(HISTOGRAM_STEPS + step + 1) << (row - 1)) - 1;
}

void histogram_add(histogram *h, uint64_t us)
{
    h->cells[cell_of(us)]++;
    h->n++;
    h->max = us > h->max ? us : h->max;
}

void histogram_merge(histogram *to, const histogram *from)
{
    for (int i = 0; i < HISTOGRAM_CELLS; i++) {
        to->cells[i] += from->cells[i];
    }
    to->n += from->n;
    to->max = from->max > to->max ? from->max : to->max;
}

uint64_t histogram_quantile(const histogram *h, double q)
{
    uint64_t rank = (uint64_t)(q * (double)h->n), seen = 0;

    if (!h->n) {
        return 0;
    }
    rank = rank < h->n ? rank + 1 : h->n;
    for (unsigned i = 0; i < HISTOGRAM_CELLS; i++) {
        seen += h->cells[i];
        if (seen >= rank) {
            uint64_t top = top_of(i);
            return top < h->max ? top : h->max;
        }
    }
    return h->max;
}
