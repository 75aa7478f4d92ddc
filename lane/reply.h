/* Answers of the lane, free of httpd.
 *
 * They are made after an answer of httpd's own, as it went to this client: the same
 * bytes, but for what differs from request to request:
 *
 *     HTTP/1.1 200 OK\r\nDate: Wed, ... GMT\r\n ... Content-Length: 4\r\n ...
 *                              |--- date ---|                      | length
 *     Keep-Alive: timeout=5, max=98\r\n\r\n1234
 *                                |left     |count
 *
 * What httpd or any of its modules puts into an answer is so in the lane's, or the
 * answer was not as expected and there is none.
 */
#ifndef PLAYCOUNT_LANE_REPLY_H
#define PLAYCOUNT_LANE_REPLY_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of an answer that is learned from. */
#define PLAYCOUNT_LANE_REPLY_MAX 1024
#define PLAYCOUNT_LANE_DATE 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Room for the answer to one request. */
#define PLAYCOUNT_LANE_ROOM (PLAYCOUNT_LANE_REPLY_MAX + 1024)

typedef struct {
    char bytes[PLAYCOUNT_LANE_REPLY_MAX];
    unsigned short head_length; /* with the empty line */
    unsigned short date;        /* where it is */
    unsigned short length, length_digits;
    unsigned short left, left_digits; /* 0: there is no "max=" */
    unsigned short root, root_length; /* JSON: where the link's root is */
    unsigned char json;
    unsigned char without_body; /* HEAD */
} playcount_lane_reply;

/* Take the form out of the answer to a request for this song. 0 if this is not what
 * the lane could say. */
int playcount_lane_reply_learn(playcount_lane_reply *reply, const char *answer,
                               size_t n, const char *id, size_t id_length,
                               int without_body);

/* Write the answer: returns its length, at most PLAYCOUNT_LANE_ROOM. `left` is how
 * many requests the connection has left, this one included; *body is set to the
 * bytes of the body (of what it would be, for HEAD). */
size_t playcount_lane_reply_write(const playcount_lane_reply *reply, char *out,
                                  const char date[PLAYCOUNT_LANE_DATE],
                                  unsigned left, const char *id, size_t id_length,
                                  uint64_t count, size_t *body);

#endif
