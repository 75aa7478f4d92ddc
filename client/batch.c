/* Taking and acknowledging batches: see batch.h. */
#include <stdio.h>
#include <string.h>

#include "client/batch.h"
#include "client/error.h"
#include "client/listing.h"

typedef struct {
    playcount_exchange exchange;
    playcount_listing listing;
    playcount_taken *taken;
} taking;

static int add_entry(void *context, const char *id, uint64_t count)
{
    taking *t = context;

    (void)id;
    t->taken->plays = count > PLAYCOUNT_COUNT_MAX - t->taken->plays
                          ? PLAYCOUNT_COUNT_MAX
                          : t->taken->plays + count;
    return 0;
}

static playcount_status malformed(playcount_exchange *exchange, const char *what)
{
    return playcount_fail(
        &exchange->error, PLAYCOUNT_E_ANSWER, exchange->server->number,
        "%s: its batch is malformed: %s", exchange->server->name, what);
}

static playcount_status take_piece(playcount_exchange *exchange, const char *piece,
                                   size_t n)
{
    taking *t = exchange->context;

    return playcount_listing_read(&t->listing, piece, n) == PLAYCOUNT_OK
               ? PLAYCOUNT_OK
               : malformed(exchange, t->listing.fault);
}

static void take_done(playcount_exchange *exchange)
{
    taking *t = exchange->context;

    if (exchange->error.status != PLAYCOUNT_OK) {
        return;
    }
    if (exchange->error.http_status == 204) {
        t->taken->number[0] = '\0';
        t->taken->plays = 0;
    }
    else if (playcount_listing_end(&t->listing) != PLAYCOUNT_OK) {
        malformed(exchange, t->listing.fault);
    }
    else if (!exchange->batch[0] ||
             strspn(exchange->batch, "0123456789") != strlen(exchange->batch)) {
        malformed(exchange, "it has no number");
    }
    else {
        memcpy(t->taken->number, exchange->batch, sizeof(exchange->batch));
    }
}

static playcount_status run(playcount_client *client, playcount_exchange *exchange,
                            playcount_error *error)
{
    playcount_wire *wire = playcount_borrow(client, error);

    if (!wire) {
        return PLAYCOUNT_E_MEMORY;
    }
    playcount_wire_submit(wire, exchange);
    playcount_wire_run(wire, NULL, NULL);
    playcount_return(client, wire);
    return playcount_error_pass(error, &exchange->error);
}

playcount_status playcount_batch_take(playcount_client *client, size_t server,
                                      playcount_taken *taken,
                                      playcount_error *error)
{
    taking t = {.exchange = {.server = &client->servers[server],
                             .method = PLAYCOUNT_POST,
                             .target = "handoff",
                             .repeatable = true,
                             .may_be_empty = true,
                             .take = take_piece,
                             .done = take_done},
                .taken = taken};

    t.exchange.context = &t;
    memset(taken, 0, sizeof(*taken));
    playcount_listing_init(&t.listing, add_entry, &t);
    return run(client, &t.exchange, error);
}

static void acknowledge_done(playcount_exchange *exchange)
{
    if (exchange->error.status == PLAYCOUNT_OK &&
        (exchange->answer_n != 2 || memcmp(exchange->answer, "OK", 2) != 0)) {
        playcount_fail(&exchange->error, PLAYCOUNT_E_ANSWER,
                       exchange->server->number, "%s: answered '%s' instead of OK",
                       exchange->server->name,
                       exchange->answer ? exchange->answer : "");
    }
}

playcount_status playcount_batch_acknowledge(playcount_client *client,
                                             size_t server, const char *number,
                                             playcount_error *error)
{
    char target[PLAYCOUNT_HEADER_ROOM + 16];
    playcount_exchange exchange = {.server = &client->servers[server],
                                   .method = PLAYCOUNT_DELETE,
                                   .target = target,
                                   .repeatable = true,
                                   .limit = 64,
                                   .done = acknowledge_done};

    snprintf(target, sizeof(target), "handoff/%s", number);
    return run(client, &exchange, error);
}
