/* All songs, asked of all servers side by side: list, top, reset; and a page of one
 * server's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/error.h"
#include "client/listing.h"
#include "client/tally.h"

enum { TOP_MAX = 100000 };

typedef struct asking asking;

/* One server's part. */
typedef struct {
    playcount_exchange exchange;
    playcount_listing listing;
    asking *all;
} part;

struct asking {
    part *parts;
    size_t n;
    playcount_each *each;
    void *context;
    bool stop;                 /* each() said so */
    playcount_stop *also_stop; /* or this does; may be NULL */
    void *also_context;
    char *mapping; /* where a page's goes; NULL: not asked for */
};

static int on_entry(void *context, const char *id, uint64_t count)
{
    part *p = context;
    asking *all = p->all;

    if (!all->stop &&
        all->each(all->context, p->exchange.server->number, id, count)) {
        all->stop = true;
    }
    return all->stop;
}

static playcount_status wrong(part *p, playcount_status status)
{
    playcount_exchange *exchange = &p->exchange;

    if (status == PLAYCOUNT_E_STOPPED) {
        return playcount_fail(&exchange->error, status, exchange->server->number,
                              "%s: interrupted", exchange->server->name);
    }
    return playcount_fail(&exchange->error, status, exchange->server->number,
                          "%s: its listing is malformed: %s",
                          exchange->server->name, p->listing.fault);
}

static playcount_status take_piece(playcount_exchange *exchange, const char *piece,
                                   size_t n)
{
    part *p = exchange->context;
    playcount_status status = playcount_listing_read(&p->listing, piece, n);
    return status == PLAYCOUNT_OK ? status : wrong(p, status);
}

static void list_done(playcount_exchange *exchange)
{
    part *p = exchange->context;
    if (exchange->error.status == PLAYCOUNT_OK) {
        playcount_status status = playcount_listing_end(&p->listing);
        if (status != PLAYCOUNT_OK) {
            wrong(p, status);
        }
    }
    if (p->all->mapping) {
        memcpy(p->all->mapping, exchange->mapping, sizeof(exchange->mapping));
    }
}

/* An answer that is read when it is there as a whole. */
static void top_done(playcount_exchange *exchange)
{
    part *p = exchange->context;
    if (exchange->error.status == PLAYCOUNT_OK && exchange->answer_n) {
        playcount_status status = playcount_listing_read(
            &p->listing, exchange->answer, exchange->answer_n);
        if (status != PLAYCOUNT_OK) {
            wrong(p, status);
            return;
        }
    }
    list_done(exchange);
}

static void reset_done(playcount_exchange *exchange)
{
    if (exchange->error.status == PLAYCOUNT_OK &&
        (exchange->answer_n != 2 || memcmp(exchange->answer, "OK", 2) != 0)) {
        playcount_fail(&exchange->error, PLAYCOUNT_E_ANSWER,
                       exchange->server->number, "%s: answered '%s' instead of OK",
                       exchange->server->name,
                       exchange->answer ? exchange->answer : "");
    }
}

static playcount_status sum_up(const asking *all, playcount_error *each_server,
                               playcount_error *error)
{
    playcount_error first;
    size_t good = 0;

    playcount_error_clear(&first);
    for (size_t i = 0; i < all->n; i++) {
        const playcount_error *e = &all->parts[i].exchange.error;
        if (each_server) {
            each_server[i] = *e;
        }
        if (e->status == PLAYCOUNT_OK) {
            good++;
        }
        else if (first.status == PLAYCOUNT_OK) {
            first = *e;
        }
    }
    if (all->stop) {
        first.status = PLAYCOUNT_E_STOPPED;
    }
    else if (good && good < all->n) {
        first.status = PLAYCOUNT_E_PARTLY;
    }
    return playcount_error_pass(error, &first);
}

static bool stopped(void *context)
{
    asking *all = context;
    if (all->also_stop && all->also_stop(all->also_context)) {
        all->stop = true;
    }
    return all->stop;
}

/* Send what `how` says to these servers, all->n of them. */
static playcount_status ask(playcount_client *client,
                            const playcount_server *servers, asking *all,
                            const playcount_exchange *how,
                            playcount_error *each_server, playcount_error *error)
{
    playcount_error_clear(error);
    all->parts = calloc(all->n, sizeof(*all->parts));
    playcount_wire *wire = all->parts ? playcount_borrow(client, error) : NULL;
    if (!wire) {
        free(all->parts);
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no memory for requests");
    }
    for (size_t i = 0; i < all->n; i++) {
        part *p = &all->parts[i];
        p->all = all;
        p->exchange = *how;
        p->exchange.server = &servers[i];
        p->exchange.context = p;
        playcount_listing_init(&p->listing, on_entry, p);
        playcount_wire_submit(wire, &p->exchange);
    }
    playcount_wire_run(wire, stopped, all);
    playcount_return(client, wire);
    playcount_status status = sum_up(all, each_server, error);
    free(all->parts);
    return status;
}

static playcount_status ask_all(playcount_client *client, asking *all,
                                const playcount_exchange *how,
                                playcount_error *each_server,
                                playcount_error *error)
{
    all->n = client->servers_n;
    return ask(client, client->servers, all, how, each_server, error);
}

playcount_status playcount_list_until(playcount_client *client,
                                      playcount_each *each, void *context,
                                      playcount_error *each_server,
                                      playcount_error *error, playcount_stop *stop,
                                      void *stop_context)
{
    asking all = {.each = each,
                  .context = context,
                  .also_stop = stop,
                  .also_context = stop_context};
    playcount_exchange how = {.method = PLAYCOUNT_GET,
                              .target = "",
                              .repeatable = true,
                              .take = take_piece,
                              .done = list_done};
    return ask_all(client, &all, &how, each_server, error);
}

playcount_status playcount_list(playcount_client *client, playcount_each *each,
                                void *context, playcount_error *each_server,
                                playcount_error *error)
{
    return playcount_list_until(client, each, context, each_server, error, NULL,
                                NULL);
}

playcount_status playcount_list_page(playcount_client *client, playcount_page *page,
                                     playcount_error *error)
{
    asking all = {.n = 1,
                  .each = page->each,
                  .context = page->context,
                  .also_stop = page->stop,
                  .also_context = page->stop_context,
                  .mapping = page->mapping};
    char target[PLAYCOUNT_ID_ENCODED + 64];
    int n = snprintf(target, sizeof(target), "songs?limit=%" PRIu64, page->limit);

    if (page->after) {
        n += snprintf(target + n, sizeof(target) - (size_t)n, "&after=");
        playcount_id_to_path(page->after, target + n);
    }
    page->mapping[0] = '\0';
    playcount_exchange how = {.method = PLAYCOUNT_GET,
                              .target = target,
                              .repeatable = true,
                              .take = take_piece,
                              .done = list_done};
    return ask(client, &client->servers[page->server], &all, &how, NULL, error);
}

playcount_status playcount_reset(playcount_client *client,
                                 playcount_error *each_server,
                                 playcount_error *error)
{
    asking all = {.each = NULL};
    playcount_exchange how = {
        .method = PLAYCOUNT_DELETE, .target = "", .limit = 64, .done = reset_done};
    return ask_all(client, &all, &how, each_server, error);
}

/* ---- top: every server's highest, added up and sorted ------------------------ */

typedef struct {
    playcount_tally tally;
    int *servers; /* of each song in the tally */
    size_t room;
    bool no_memory;
} gathering;

static int gather(void *context, int server, const char *id, uint64_t count)
{
    gathering *g = context;
    size_t before = g->tally.n;
    long index = playcount_tally_add(&g->tally, id, count);

    if (index >= 0 && g->tally.n > before && g->tally.n > g->room) {
        size_t room = 2 * g->room + 64;
        int *servers = realloc(g->servers, room * sizeof(*servers));
        if (!servers) {
            index = -1;
        }
        else {
            g->servers = servers;
            g->room = room;
        }
    }
    if (index < 0) {
        g->no_memory = true;
        return 1;
    }
    if (g->tally.n > before) {
        g->servers[index] = server;
    }
    return 0;
}

typedef struct {
    uint64_t count;
    size_t index;
} ranked;

static int by_count(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

static playcount_status give(const gathering *g, size_t n, playcount_each *each,
                             void *context, playcount_error *error)
{
    ranked *ranks = calloc(g->tally.n + 1, sizeof(*ranks));
    if (!ranks) {
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no memory for a listing");
    }
    for (size_t i = 0; i < g->tally.n; i++) {
        ranks[i] = (ranked){.count = g->tally.songs[i].sum, .index = i};
    }
    qsort(ranks, g->tally.n, sizeof(*ranks), by_count);
    playcount_status status = PLAYCOUNT_OK;
    for (size_t i = 0; i < g->tally.n && i < n && status == PLAYCOUNT_OK; i++) {
        size_t k = ranks[i].index;
        if (each(context, g->servers[k], playcount_tally_id(&g->tally, k),
                 ranks[i].count)) {
            status = playcount_fail(error, PLAYCOUNT_E_STOPPED, -1, "interrupted");
        }
    }
    free(ranks);
    return status;
}

playcount_status playcount_top(playcount_client *client, size_t n,
                               playcount_each *each, void *context,
                               playcount_error *each_server, playcount_error *error)
{
    gathering g = {.no_memory = false};
    asking all = {.each = gather, .context = &g};
    char target[32];

    playcount_error_clear(error);
    if (n < 1 || n > TOP_MAX) {
        return playcount_fail(error, PLAYCOUNT_E_USAGE, -1,
                              "the number of songs must be 1 to 100000");
    }
    snprintf(target, sizeof(target), "songs?top=%zu", n);
    playcount_exchange how = {.method = PLAYCOUNT_GET,
                              .target = target,
                              .repeatable = true,
                              .limit = n * (PLAYCOUNT_ENTRY_BYTES + 1),
                              .done = top_done};
    playcount_status status = ask_all(client, &all, &how, each_server, error);
    if (g.no_memory) {
        status = playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                                "no memory for a listing");
    }
    else if (status == PLAYCOUNT_OK || status == PLAYCOUNT_E_PARTLY) {
        playcount_status given = give(&g, n, each, context, error);
        status = given == PLAYCOUNT_OK ? status : given;
    }
    playcount_tally_free(&g.tally);
    free(g.servers);
    return status;
}
