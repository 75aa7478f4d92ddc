/* Requests as the lane knows them, free of httpd: bytes in, verdict out.
 *
 * The lane interprets no header. httpd has answered a request of this connection in
 * full; the next one is of the same kind when it differs in the song's id only
 * (and, for a POST, in `by`):
 *
 *   POST /plays/song/ 42 ?by=7  HTTP/1.1\r\nHost: example.org\r\n ... \r\n\r\n
 *   |------ head ----|         |------------------- tail ----------------|
 *
 * Head and tail are compared byte by byte. So whatever a header would have decided,
 * it decides the same again, and what is malformed, folded, doubled or too long
 * never was a kind.
 *
 * An id is known when no layer of httpd would read it in two ways: letters, digits
 * and a few signs, no escapes, no dot segments, no doubled slashes.
 *
 * Nothing here allocates or keeps state; everything may be called concurrently.
 */
#ifndef PLAYCOUNT_LANE_REQUEST_H
#define PLAYCOUNT_LANE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a request that may be a kind. */
#define PLAYCOUNT_LANE_REQUEST_MAX 2048

typedef struct {
    const char *head;
    size_t head_length;
    const char *tail;
    size_t tail_length;
    size_t line_max; /* bytes of the request line, without its end */
    int may_add;     /* "?by=N" may follow the id */
} playcount_lane_pattern;

typedef struct {
    const char *id; /* into the bytes */
    size_t id_length;
    uint64_t by;
    size_t length; /* of the whole request */
} playcount_lane_request;

typedef enum {
    PLAYCOUNT_LANE_OTHER, /* not of this kind */
    PLAYCOUNT_LANE_MORE,  /* all there is fits, but it is not complete */
    PLAYCOUNT_LANE_KNOWN  /* complete: *request is filled in */
} playcount_lane_match_e;

/* Do bytes[0 .. n-1] begin with a request of this kind? */
playcount_lane_match_e playcount_lane_match(const playcount_lane_pattern *pattern,
                                            const char *bytes, size_t n,
                                            playcount_lane_request *request);

/* Take the pattern out of a request for root + "/song/" + id: GET, HEAD or POST,
 * HTTP/1.0 or 1.1, and headers of the strict form only: "Name: value" with CR LF,
 * each name once, no other control characters. bytes[] must hold this request and
 * may hold more; the pattern points into it. Returns the request's length; 0 if it
 * is not such a request, or not all there. line_max is left to the caller. */
size_t playcount_lane_learn(const char *bytes, size_t n, const char *root,
                            size_t root_length, playcount_lane_pattern *pattern);

/* The next header of a tail: *at is its place, 0 before the first. 0 at the end. */
typedef struct {
    const char *name;
    size_t name_length;
    const char *value; /* without the blanks around it */
    size_t value_length;
} playcount_lane_header;

int playcount_lane_next_header(const char *tail, size_t length, size_t *at,
                               playcount_lane_header *header);

#endif
