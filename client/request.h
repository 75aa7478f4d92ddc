/* One attempt of an exchange: what curl is told, and what its end means. */
#ifndef PLAYCOUNT_CLIENT_REQUEST_H
#define PLAYCOUNT_CLIENT_REQUEST_H

#include "client/wire.h"

/* A stream must bring this many bytes in each time limit. */
#define PLAYCOUNT_STREAM_BYTES 1024

/* Set up exchange->easy for the next attempt. Not 0: no memory. */
int playcount_request_prepare(playcount_exchange *exchange,
                              const playcount_limits *limits, int64_t now);

/* The attempt has ended with this result: sets exchange->error. The milliseconds to
 * wait at least before it may be sent again, -1: this is final. */
long playcount_request_verdict(playcount_exchange *exchange,
                               const playcount_limits *limits, CURLcode result);

/* The same for a stream that has stalled. */
void playcount_request_stalled(playcount_exchange *exchange,
                               const playcount_limits *limits);

/* Give back what the attempt held, besides the easy handle and the answer. */
void playcount_request_release(playcount_exchange *exchange);

#endif
