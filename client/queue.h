/* A queue: the plays that a collector holds for one server, and the thread that
 * sends them.
 *
 *     playcount_collect()                                     the queue's thread
 *       ----------------> tally --- full, or old enough ---> batches ------> server
 *                                                             ^    |
 *                                                             +----+ failed: later
 *
 * A song lies in the tally or in one batch.
 */
#ifndef PLAYCOUNT_CLIENT_QUEUE_H
#define PLAYCOUNT_CLIENT_QUEUE_H

#include <pthread.h>

#include "client/queued.h"

typedef struct {
    /* Fixed when it is started. */
    playcount_collector *collector;
    int server;
    pthread_t thread;

    /* Guards what follows; never held during a request or a hand-back. */
    pthread_mutex_t lock;
    pthread_cond_t wake;    /* the thread has something to do */
    pthread_cond_t flushed; /* .done has changed */
    playcount_tally tally;
    int64_t since;           /* when the tally's first play came; ms */
    playcount_queued *first; /* the queue */
    size_t held;             /* songs in the tally and in batches */
    uint64_t asked, done;    /* flushes */
    int left;                /* the last flush left something behind */
    int closing;
    playcount_error why; /* the last failure to send */
} playcount_queue;

struct playcount_collector {
    playcount_client *client;
    playcount_collector_options options;
    playcount_queue *queues;
    size_t running;          /* queues whose thread was started */
    pthread_mutex_t handing; /* held during hand_back() */
    playcount_error handed;  /* why something was handed back first */
};

/* Start a zeroed queue and its thread. Not 0: no thread. */
int playcount_queue_start(playcount_queue *queue, playcount_collector *collector,
                          int server);

/* End the thread, hand back what is left, and free it. */
void playcount_queue_stop(playcount_queue *queue);

#endif
