/* Asking the server, in a thread of its own, so that keys are answered while a
 * server does not.
 *
 * The thread asks once in each interval of the server's series, unless another time
 * was given, and not before twenty times as long as an answer took: many routes
 * cost the server time. It waits longer after failures (a second more each time, up
 * to five), never gives up, and never has two requests at once. Each answer, good
 * or bad, takes the place of the one before.
 */
#ifndef PLAYCOUNT_MONITOR_FEED_H
#define PLAYCOUNT_MONITOR_FEED_H

#include <jansson.h>

#include "client/command/command.h"

typedef struct feed feed;

/* What was heard last. */
typedef struct {
    uint64_t number;    /* of answers so far; changes when there is something new */
    json_t *json;       /* the caller's; NULL: it failed */
    exit_status status; /* EXIT_DONE, or what the command would end with */
    bool password;      /* it asks for one, or refuses the one it got */
    double every;       /* seconds until the next one */
    char sentence[512]; /* what is wrong */
} heard;

/* `url` without a query, or with one of its own. NULL: no memory. */
feed *feed_open(const arguments *a, const char *url);

/* Of which route ("": of all), how far back, and the series only from this moment
 * on. Another route or time is asked for at once. */
void feed_ask(feed *f, const char *route, int minutes, double since);

/* Whether the songs are wanted too, those whose ids begin so; NULL: not. */
void feed_want_songs(feed *f, const char *prefix);

/* Ask now, and wait for it. */
void feed_once(feed *f, heard *h);

/* Start the thread; seconds between two requests, 0: as the server's series. Not 0:
 * it could not be started. */
int feed_start(feed *f, double interval);

/* What was heard last; h->number is what the caller knows. Whether it is new. */
bool feed_heard(feed *f, heard *h);

void heard_free(heard *h);

/* The address without user and password; valid as long as the feed. */
const char *feed_name(const feed *f);

void feed_close(feed *f);

#endif
