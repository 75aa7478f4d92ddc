/* The union of byte intervals. See union.h. */
#include <string.h>

#include "media/rules/union.h"

enum { PIECES = PLAYCOUNT_UNION_PIECES };

/* Where the first piece is that ends at or behind this byte. */
static int first_from(const playcount_piece *pieces, int n, uint64_t begin)
{
    int i = 0;

    while (i < n && pieces[i].end < begin) {
        i++;
    }
    return i;
}

/* What of the new interval lies in this piece fills what is missing there. */
static uint64_t left_missing(const playcount_piece *p, uint64_t begin, uint64_t end)
{
    uint64_t from = p->begin > begin ? p->begin : begin;
    uint64_t to = p->end < end ? p->end : end;
    uint64_t filled = to > from ? to - from : 0;

    return p->missing > filled ? p->missing - filled : 0;
}

/* Two neighbours become one: those with the smallest gap, the first of equal ones.
 */
static void join_nearest(playcount_piece *pieces, int *n)
{
    int at = 0;

    for (int i = 1; i + 1 < *n; i++) {
        if (pieces[i + 1].begin - pieces[i].end <
            pieces[at + 1].begin - pieces[at].end) {
            at = i;
        }
    }
    pieces[at].missing +=
        pieces[at + 1].missing + (pieces[at + 1].begin - pieces[at].end);
    pieces[at].end = pieces[at + 1].end;
    memmove(&pieces[at + 1], &pieces[at + 2],
            (size_t)(*n - at - 2) * sizeof(*pieces));
    --*n;
}

void playcount_union_add(playcount_union *u, uint64_t begin, uint64_t end)
{
    playcount_piece *piece = u->piece, added = {begin, end, 0};
    int n = 0, first, last, left;

    if (begin >= end) {
        return;
    }
    while (n < PIECES && piece[n].end) {
        n++;
    }
    first = first_from(piece, n, begin);
    for (last = first; last < n && piece[last].begin <= end; last++) {
        added.missing += left_missing(&piece[last], begin, end);
        added.begin =
            piece[last].begin < added.begin ? piece[last].begin : added.begin;
        added.end = piece[last].end > added.end ? piece[last].end : added.end;
    }
    /* Pieces first .. last - 1 become the one that was added. */
    if (last < n && last != first + 1) {
        memmove(&piece[first + 1], &piece[last],
                (size_t)(n - last) * sizeof(*piece));
    }
    piece[first] = added;
    left = n + 1 - (last - first);
    if (left > PIECES) {
        join_nearest(piece, &left);
    }
    for (; left <= n; left++) {
        piece[left] = (playcount_piece){0, 0, 0};
    }
}

void playcount_union_need(playcount_union *u, uint64_t need)
{
    if (need && (!u->need || need < u->need)) {
        u->need = need;
    }
}

uint64_t playcount_union_covered(const playcount_union *u)
{
    uint64_t covered = 0;

    for (int i = 0; i < PIECES && u->piece[i].end; i++) {
        covered += u->piece[i].end - u->piece[i].begin - u->piece[i].missing;
    }
    return covered;
}

int playcount_union_enough(const playcount_union *u)
{
    return u->need && playcount_union_covered(u) >= u->need;
}

int playcount_union_valid(const playcount_union *u)
{
    int ended = 0;

    for (int i = 0; i < PIECES; i++) {
        uint64_t begin = u->piece[i].begin, end = u->piece[i].end;

        if (!end) {
            if (begin || u->piece[i].missing) {
                return 0;
            }
            ended = 1;
            continue;
        }
        if (ended || begin >= end || u->piece[i].missing >= end - begin ||
            (i && begin <= u->piece[i - 1].end)) {
            return 0;
        }
    }
    return 1;
}
