/* Byte intervals as text: the log item %^Px, and the Range and Content-Range
 * headers.
 *
 *     %^Px            0-99999,200000-299999     first and last byte, as in a Range
 *     Range           bytes=0-1, bytes=500-, bytes=-2, bytes=0-1,5-6
 *     Content-Range   bytes 0-99999/30000000
 */
#ifndef PLAYCOUNT_MEDIA_RULES_INTERVALS_H
#define PLAYCOUNT_MEDIA_RULES_INTERVALS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t begin, end; /* end: the first byte behind it */
} playcount_interval;

/* Room for one interval as text, with the comma or the NUL behind it. */
#define PLAYCOUNT_INTERVAL_TEXT 42

/* Write n intervals; nothing is written as "-". `out` has n *
 * PLAYCOUNT_INTERVAL_TEXT bytes, and 2 at least. The length without the NUL. */
size_t playcount_intervals_write(char *out, const playcount_interval *intervals,
                                 size_t n);

/* Read the next interval of such a text: *text is moved behind it. 1: *interval is
 * filled in; 0: the end, or "-"; -1: it is no list of intervals. */
int playcount_intervals_read(const char **text, playcount_interval *interval);

/* What a Range header asks of a file of this size, as far as it is satisfiable, in
 * the parts in which httpd answers: what touches the range before it is one with
 * it. Returns how many intervals there are, at most `most` of them are filled in;
 * -1: it is not a Range of bytes, and the server ignores it. */
int playcount_range_read(const char *header, uint64_t size,
                         playcount_interval *intervals, int most);

/* Does this Range header (NULL: none) ask for nothing but ranges of at most two
 * bytes? Players do, to see whether the server knows ranges. */
int playcount_range_is_probe(const char *header);

/* A Content-Range header. *size is UINT64_MAX if it is not said. 0: it is not one.
 */
int playcount_content_range_read(const char *header, playcount_interval *interval,
                                 uint64_t *size);

#endif
