/* One song: get, play, add; and the counts of many songs, one request for each. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/error.h"
#include "client/id.h"
#include "client/listing.h"

/* A right answer is up to 19 digits; what does not fit is not worth reading. */
enum { ANSWER_LIMIT = 64, TARGET_BYTES = PLAYCOUNT_ID_ENCODED + 40 };

/* The count in the answer, into *count. */
static playcount_status read_count(playcount_exchange *exchange, uint64_t *count)
{
    if (exchange->error.status != PLAYCOUNT_OK) {
        return exchange->error.status;
    }
    if (playcount_count_parse(exchange->answer ? exchange->answer : "",
                              exchange->answer_n, count) == 0) {
        return PLAYCOUNT_OK;
    }
    playcount_status status = playcount_fail(
        &exchange->error, PLAYCOUNT_E_ANSWER, exchange->server->number,
        "%s: answered '%s' instead of a count", exchange->server->name,
        exchange->answer ? exchange->answer : "");
    exchange->error.uncertain = exchange->method == PLAYCOUNT_POST;
    return status;
}

static void make_target(char target[TARGET_BYTES], const char *id, uint64_t by)
{
    memcpy(target, "song/", 5);
    size_t n = 5 + playcount_id_to_path(id, target + 5);
    if (by != 1) {
        snprintf(target + n, TARGET_BYTES - n, "?by=%" PRIu64, by);
    }
}

typedef struct {
    playcount_exchange exchange;
    char target[TARGET_BYTES];
    char key[PLAYCOUNT_KEY_BYTES + 1];
    uint64_t count;
} single;

/* done() is called before the answer is freed, so it is read there. */
static void single_done(playcount_exchange *exchange)
{
    single *s = exchange->context;
    read_count(exchange, &s->count);
}

static playcount_status ask(playcount_client *client, single *s, uint64_t *count,
                            playcount_error *error)
{
    playcount_wire *wire = playcount_borrow(client, error);
    if (!wire) {
        return PLAYCOUNT_E_MEMORY;
    }
    s->exchange.target = s->target;
    s->exchange.limit = ANSWER_LIMIT;
    s->exchange.repeatable = true;
    s->exchange.done = single_done;
    s->exchange.context = s;
    playcount_wire_submit(wire, &s->exchange);
    playcount_wire_run(wire, NULL, NULL);
    playcount_return(client, wire);
    if (s->exchange.error.status == PLAYCOUNT_OK && count) {
        *count = s->count;
    }
    return playcount_error_pass(error, &s->exchange.error);
}

/* ".." is no name in a path: it leads out of it. */
static bool is_pathless(const char *id)
{
    return strcmp(id, "..") == 0;
}

static playcount_status pathless(playcount_error *error)
{
    return playcount_fail(
        error, PLAYCOUNT_E_USAGE, -1,
        "the id '..' cannot be asked for by itself, only be listed");
}

playcount_status playcount_get(playcount_client *client, const char *id,
                               uint64_t *count, playcount_error *error)
{
    single s = {.exchange = {.method = PLAYCOUNT_GET}};

    playcount_error_clear(error);
    s.exchange.server = playcount_find(client, id, error);
    if (!s.exchange.server) {
        return PLAYCOUNT_E_USAGE;
    }
    if (is_pathless(id)) {
        return pathless(error);
    }
    make_target(s.target, id, 1);
    return ask(client, &s, count, error);
}

playcount_status playcount_add(playcount_client *client, const char *id,
                               uint64_t by, uint64_t *count, playcount_error *error)
{
    single s = {.exchange = {.method = PLAYCOUNT_POST}};

    playcount_error_clear(error);
    s.exchange.server = playcount_find(client, id, error);
    if (!s.exchange.server) {
        return PLAYCOUNT_E_USAGE;
    }
    if (by < 1 || by > PLAYCOUNT_BY_MAX) {
        return playcount_fail(error, PLAYCOUNT_E_USAGE, -1,
                              "plays must be 1 to 1000000000, not %" PRIu64, by);
    }
    if (is_pathless(id)) {
        playcount_song song = {.id = id, .by = by};
        playcount_status status = playcount_add_many(client, &song, 1, error);
        if (status == PLAYCOUNT_OK && count) {
            *count = song.count;
        }
        return status;
    }
    if (playcount_new_key(s.key)) {
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no random numbers for a key");
    }
    s.exchange.key = s.key;
    make_target(s.target, id, by);
    return ask(client, &s, count, error);
}

playcount_status playcount_play(playcount_client *client, const char *id,
                                uint64_t *count, playcount_error *error)
{
    return playcount_add(client, id, 1, count, error);
}

/* An integer's id; 20 characters at most. */
static const char *decimal(int64_t id, char text[24])
{
    snprintf(text, 24, "%" PRId64, id);
    return text;
}

playcount_status playcount_get_number(playcount_client *client, int64_t id,
                                      uint64_t *count, playcount_error *error)
{
    char text[24];
    return playcount_get(client, decimal(id, text), count, error);
}

playcount_status playcount_play_number(playcount_client *client, int64_t id,
                                       uint64_t *count, playcount_error *error)
{
    char text[24];
    return playcount_add(client, decimal(id, text), 1, count, error);
}

playcount_status playcount_add_number(playcount_client *client, int64_t id,
                                      uint64_t by, uint64_t *count,
                                      playcount_error *error)
{
    char text[24];
    return playcount_add(client, decimal(id, text), by, count, error);
}

/* ---- many: `parallel` requests go round until all songs are asked for -------- */

typedef struct {
    playcount_client *client;
    playcount_wire *wire;
    playcount_song *songs;
    size_t n, next;
    size_t good;
    playcount_error first; /* failure */
} getting;

typedef struct {
    single s;
    getting *all;
    playcount_song *song;
} getter;

static void note(getting *all, playcount_song *song, const playcount_error *error)
{
    song->status = error->status;
    if (error->status == PLAYCOUNT_OK) {
        all->good++;
    }
    else if (all->first.status == PLAYCOUNT_OK) {
        all->first = *error;
    }
}

/* Ask for the next song that can be asked for. */
static void get_next(getter *g)
{
    getting *all = g->all;

    while (all->next < all->n) {
        playcount_error error;
        g->song = &all->songs[all->next++];
        g->s.exchange.server = playcount_find(all->client, g->song->id, &error);
        if (g->s.exchange.server && is_pathless(g->song->id)) {
            pathless(&error);
        }
        else if (g->s.exchange.server) {
            make_target(g->s.target, g->song->id, 1);
            playcount_wire_submit(all->wire, &g->s.exchange);
            return;
        }
        note(all, g->song, &error);
    }
}

static void get_done(playcount_exchange *exchange)
{
    getter *g = exchange->context;

    if (read_count(exchange, &g->song->count) != PLAYCOUNT_OK) {
        g->song->count = 0;
    }
    note(g->all, g->song, &exchange->error);
    get_next(g);
}

playcount_status playcount_get_many(playcount_client *client, playcount_song *songs,
                                    size_t n, playcount_error *error)
{
    getting all = {.client = client, .songs = songs, .n = n};
    size_t getters =
        n < (size_t)client->limits.parallel ? n : (size_t)client->limits.parallel;

    playcount_error_clear(error);
    playcount_error_clear(&all.first);
    getter *g = calloc(getters + 1, sizeof(*g));
    all.wire = g ? playcount_borrow(client, error) : NULL;
    if (!all.wire) {
        free(g);
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no memory for requests");
    }
    for (size_t i = 0; i < getters; i++) {
        g[i].all = &all;
        g[i].s.exchange = (playcount_exchange){
            .method = PLAYCOUNT_GET,
            .target = g[i].s.target,
            .limit = ANSWER_LIMIT,
            .repeatable = true,
            .done = get_done,
            .context = &g[i],
        };
        get_next(&g[i]);
    }
    playcount_wire_run(all.wire, NULL, NULL);
    playcount_return(client, all.wire);
    free(g);
    if (all.good && all.good < n) {
        all.first.status = PLAYCOUNT_E_PARTLY;
    }
    return playcount_error_pass(error, &all.first);
}
