/* A parcel on its way: its body, its exchange, its answer. */
#ifndef PLAYCOUNT_CLIENT_PARCEL_H
#define PLAYCOUNT_CLIENT_PARCEL_H

#include "client/client.h"

/* Parcels that this library makes up stay well below what a server takes. */
#define PLAYCOUNT_PARCEL_SONGS 16384
#define PLAYCOUNT_PARCEL_BYTES 4194304

/* NULL, or what is wrong with it. Does not look for ids that are the same. */
const char *playcount_parcel_fault(const playcount_client *client,
                                   const playcount_parcel *parcel);

typedef struct playcount_sending playcount_sending;

/* What sends a parcel. */
struct playcount_sending {
    playcount_exchange exchange; /* its context and done are taken */
    playcount_parcel *parcel;
    char *body;
    size_t read; /* songs of the answer that have been read */
    void (*done)(playcount_sending *sending); /* may be NULL */
    void *context;
};

/* Prepare to send a faultless parcel, which is borrowed. The same parcel has the
 * same bytes each time. Then submit .exchange; when it is over, the songs have
 * their statuses, .exchange.error is set, and .done is called. Not 0: no memory. */
int playcount_sending_init(playcount_sending *sending,
                           const playcount_client *client,
                           playcount_parcel *parcel);
void playcount_sending_free(playcount_sending *sending);

/* playcount_send() that ends early, with PLAYCOUNT_E_STOPPED, once *stop is not 0.
 */
playcount_status playcount_send_until(playcount_client *client,
                                      playcount_parcel *parcels, size_t n,
                                      playcount_error *errors,
                                      playcount_error *error, playcount_stop *stop,
                                      void *context);

#endif
