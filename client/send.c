/* Sending batches, each for one server under one key. See send.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/id.h"
#include "client/listing.h"
#include "client/send.h"

static const char *key_fault(const char *key)
{
    size_t n = strnlen(key, PLAYCOUNT_KEY_BYTES + 1);
    if (n < 1 || n > PLAYCOUNT_KEY_BYTES) {
        return "a batch's key must have 1 to 128 characters";
    }
    for (size_t i = 0; i < n; i++) {
        if (key[i] < ' ' || key[i] > '~' || key[i] == '"' || key[i] == '\\') {
            return "a batch's key must be printable ASCII without \" and \\";
        }
    }
    return NULL;
}

const char *playcount_batch_fault(const playcount_client *client,
                                  const playcount_batch *batch)
{
    if (batch->server < 0 || (size_t)batch->server >= client->servers_n) {
        return "a batch's server is not one of this client's";
    }
    if (batch->n < 1 || batch->n > PLAYCOUNT_BATCH_SONGS) {
        return "a batch must have 1 to 65536 songs";
    }
    for (size_t i = 0; i < batch->n; i++) {
        if (playcount_id_fault(batch->songs[i].id)) {
            return "a song of the batch has no valid id";
        }
        if (batch->songs[i].by < 1 || batch->songs[i].by > PLAYCOUNT_COUNT_MAX) {
            return "a song of the batch has no valid number of plays";
        }
    }
    return key_fault(batch->key);
}

static playcount_status wrong_answer(playcount_exchange *exchange, const char *what)
{
    playcount_status status = playcount_fail(
        &exchange->error, PLAYCOUNT_E_ANSWER, exchange->server->number,
        "%s: its answer to a batch is malformed: %s", exchange->server->name, what);
    exchange->error.uncertain = 1;
    return status;
}

static int on_entry(void *context, const char *id, uint64_t count)
{
    playcount_sending *sending = context;
    playcount_batch *batch = sending->batch;

    if (sending->read >= batch->n ||
        strcmp(batch->songs[sending->read].id, id) != 0) {
        return 1;
    }
    batch->songs[sending->read++].count = count;
    return 0;
}

static playcount_status read_answer(playcount_sending *sending)
{
    playcount_exchange *exchange = &sending->exchange;
    playcount_listing listing;

    if (exchange->error.status != PLAYCOUNT_OK) {
        return exchange->error.status;
    }
    playcount_listing_init(&listing, on_entry, sending);
    playcount_status status = PLAYCOUNT_OK;
    if (exchange->answer_n) {
        status =
            playcount_listing_read(&listing, exchange->answer, exchange->answer_n);
    }
    if (status == PLAYCOUNT_OK) {
        status = playcount_listing_end(&listing);
    }
    if (status == PLAYCOUNT_E_ANSWER) {
        return wrong_answer(exchange, listing.fault);
    }
    if (status == PLAYCOUNT_E_STOPPED || sending->read != sending->batch->n) {
        return wrong_answer(exchange, "it has other songs than the batch");
    }
    return PLAYCOUNT_OK;
}

static void on_done(playcount_exchange *exchange)
{
    playcount_sending *sending = exchange->context;
    playcount_batch *batch = sending->batch;

    sending->read = 0;
    playcount_status status = read_answer(sending);
    for (size_t i = 0; i < batch->n; i++) {
        batch->songs[i].status = status;
        if (status != PLAYCOUNT_OK) {
            batch->songs[i].count = 0;
        }
    }
    if (sending->done) {
        sending->done(sending);
    }
}

static char *make_body(const playcount_batch *batch, size_t *n)
{
    size_t room = 1;
    for (size_t i = 0; i < batch->n; i++) {
        room += 3 * strlen(batch->songs[i].id) + 22;
    }
    char *body = malloc(room);
    if (!body) {
        return NULL;
    }
    char *out = body;
    for (size_t i = 0; i < batch->n; i++) {
        char id[PLAYCOUNT_ID_ENCODED];
        size_t length = playcount_id_to_text(batch->songs[i].id, id);
        memcpy(out, id, length);
        out += length;
        out += snprintf(out, 23, "=%" PRIu64 "%s", batch->songs[i].by,
                        i + 1 < batch->n ? "," : "");
    }
    *n = (size_t)(out - body);
    return body;
}

int playcount_sending_init(playcount_sending *sending,
                           const playcount_client *client, playcount_batch *batch)
{
    size_t n = 0;

    memset(sending, 0, sizeof(*sending));
    sending->batch = batch;
    sending->body = make_body(batch, &n);
    sending->exchange = (playcount_exchange){
        .server = &client->servers[batch->server],
        .method = PLAYCOUNT_POST,
        .target = "songs",
        .body = sending->body,
        .body_n = n,
        .key = batch->key,
        .repeatable = true,
        /* The same ids, encoded in another way at worst, and their counts. */
        .limit = 3 * n + 24 * batch->n,
        .done = on_done,
        .context = sending,
    };
    return sending->body ? 0 : -1;
}

void playcount_sending_free(playcount_sending *sending)
{
    free(sending->body);
    sending->body = NULL;
}

static playcount_status check(playcount_client *client, playcount_batch *batches,
                              size_t n, playcount_error *error)
{
    for (size_t i = 0; i < n; i++) {
        const char *wrong = playcount_batch_fault(client, &batches[i]);
        if (wrong) {
            return playcount_fail(error, PLAYCOUNT_E_USAGE, -1, "%s", wrong);
        }
    }
    return PLAYCOUNT_OK;
}

/* The outcome of all: what each of them says, and the first failure. */
static void sum_up(const playcount_sending *sendings, size_t n,
                   playcount_error *errors, playcount_error *first)
{
    size_t good = 0;

    playcount_error_clear(first);
    for (size_t i = 0; i < n; i++) {
        const playcount_error *error = &sendings[i].exchange.error;
        if (errors) {
            errors[i] = *error;
        }
        if (error->status == PLAYCOUNT_OK) {
            good++;
        }
        else if (first->status == PLAYCOUNT_OK) {
            *first = *error;
        }
    }
    if (good && good < n) {
        first->status = PLAYCOUNT_E_PARTLY;
    }
}

playcount_status playcount_send_until(playcount_client *client,
                                      playcount_batch *batches, size_t n,
                                      playcount_error *errors,
                                      playcount_error *error, playcount_stop *stop,
                                      void *context)
{
    playcount_error first;

    playcount_error_clear(error);
    playcount_status status = check(client, batches, n, error);
    if (status != PLAYCOUNT_OK || n == 0) {
        return status;
    }
    playcount_wire *wire = playcount_borrow(client, error);
    playcount_sending *sendings = wire ? calloc(n, sizeof(*sendings)) : NULL;
    int failed = !sendings;
    for (size_t i = 0; !failed && i < n; i++) {
        failed = playcount_sending_init(&sendings[i], client, &batches[i]);
    }
    if (failed) {
        status =
            playcount_fail(error, PLAYCOUNT_E_MEMORY, -1, "no memory for a batch");
    }
    else {
        for (size_t i = 0; i < n; i++) {
            playcount_wire_submit(wire, &sendings[i].exchange);
        }
        playcount_wire_run(wire, stop, context);
        sum_up(sendings, n, errors, &first);
        status = playcount_error_pass(error, &first);
    }
    for (size_t i = 0; sendings && i < n; i++) {
        playcount_sending_free(&sendings[i]);
    }
    free(sendings);
    if (wire) {
        playcount_return(client, wire);
    }
    return status;
}

playcount_status playcount_send(playcount_client *client, playcount_batch *batches,
                                size_t n, playcount_error *errors,
                                playcount_error *error)
{
    return playcount_send_until(client, batches, n, errors, error, NULL, NULL);
}
