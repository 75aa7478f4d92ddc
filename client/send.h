/* Sending a batch: its body, its exchange, its answer. */
#ifndef PLAYCOUNT_CLIENT_SEND_H
#define PLAYCOUNT_CLIENT_SEND_H

#include "client/client.h"

/* Batches that this library builds stay well below what a server takes. */
#define PLAYCOUNT_SEND_SONGS 16384
#define PLAYCOUNT_SEND_BYTES 4194304

/* NULL, or what is wrong with it. Does not look for ids that are the same. */
const char *playcount_batch_fault(const playcount_client *client,
                                  const playcount_batch *batch);

typedef struct playcount_sending playcount_sending;

/* What sends a batch. */
struct playcount_sending {
    playcount_exchange exchange; /* its context and done are taken */
    playcount_batch *batch;
    char *body;
    size_t read; /* songs of the answer that have been read */
    void (*done)(playcount_sending *sending); /* may be NULL */
    void *context;
};

/* Prepare to send a faultless batch, which is borrowed. The same batch has the
 * same bytes each time. Then submit .exchange; when it is over, the songs have
 * their statuses, .exchange.error is set, and .done is called. Not 0: no memory. */
int playcount_sending_init(playcount_sending *sending,
                           const playcount_client *client, playcount_batch *batch);
void playcount_sending_free(playcount_sending *sending);

/* playcount_send() that ends early, with PLAYCOUNT_E_STOPPED, once *stop is not 0.
 */
playcount_status playcount_send_until(playcount_client *client,
                                      playcount_batch *batches, size_t n,
                                      playcount_error *errors,
                                      playcount_error *error, playcount_stop *stop,
                                      void *context);

#endif
