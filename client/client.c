/* A client is opened and closed, and lends its wires. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/error.h"
#include "client/id.h"

void playcount_options_init(playcount_options *options)
{
    memset(options, 0, sizeof(*options));
    options->shard = PLAYCOUNT_SHARD_KETAMA;
    options->timeout_ms = 10000;
    options->attempt_ms = 5000;
    options->connect_ms = 2000;
    options->retries = 4;
    options->parallel = 32;
    options->connections = 8;
}

static const char *fault(const playcount_options *options)
{
    if (options->servers_n < 1 || options->servers_n > PLAYCOUNT_SERVERS_MAX) {
        return "there must be 1 to 1024 servers";
    }
    if (options->shard != PLAYCOUNT_SHARD_KETAMA &&
        options->shard != PLAYCOUNT_SHARD_MODULO) {
        return "there is no such sharding method";
    }
    if (options->timeout_ms < 1 || options->timeout_ms > 3600000 ||
        options->attempt_ms < 1 || options->connect_ms < 1) {
        return "time limits must be 1 to 3600000 milliseconds";
    }
    if (options->retries < 0 || options->retries > 100) {
        return "there must be 0 to 100 retries";
    }
    if (options->parallel < 1 || options->parallel > 1024 ||
        options->connections < 1 || options->connections > 1024) {
        return "there must be 1 to 1024 parallel requests and connections";
    }
    return NULL;
}

/* Two servers under one name would be one with two shares. */
static playcount_status check_names(const playcount_client *client,
                                    playcount_error *error)
{
    for (size_t i = 0; i < client->servers_n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(client->servers[i].name, client->servers[k].name) == 0) {
                return playcount_fail(error, PLAYCOUNT_E_USAGE, (int)i,
                                      "the server %s is named twice",
                                      client->servers[i].name);
            }
        }
    }
    return PLAYCOUNT_OK;
}

static playcount_status open_servers(playcount_client *client,
                                     const playcount_options *options,
                                     playcount_error *error)
{
    const char **names = calloc(options->servers_n, sizeof(*names));
    client->servers = calloc(options->servers_n, sizeof(*client->servers));
    if (!names || !client->servers) {
        free(names);
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no memory for servers");
    }
    for (size_t i = 0; i < options->servers_n; i++) {
        playcount_status status = playcount_server_init(&client->servers[i], (int)i,
                                                        options->servers[i], error);
        if (status != PLAYCOUNT_OK) {
            free(names);
            return status;
        }
        client->servers_n++;
        names[i] = client->servers[i].name;
    }
    int failed = playcount_shards_init(&client->shards, options->shard, names,
                                       client->servers_n);
    free(names);
    if (failed) {
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no memory for servers");
    }
    return check_names(client, error);
}

playcount_client *playcount_open(const playcount_options *options,
                                 playcount_error *error)
{
    playcount_error_clear(error);
    const char *wrong = fault(options);
    if (wrong) {
        playcount_fail(error, PLAYCOUNT_E_USAGE, -1, "%s", wrong);
        return NULL;
    }
    playcount_client *client = calloc(1, sizeof(*client));
    if (!client || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(client);
        playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                       "libcurl could not be started");
        return NULL;
    }
    pthread_mutex_init(&client->lock, NULL);
    client->limits = (playcount_limits){
        .timeout_ms = options->timeout_ms,
        .attempt_ms = options->attempt_ms,
        .connect_ms = options->connect_ms,
        .retries = options->retries,
        .parallel = options->parallel,
        .connections = options->connections,
    };
    if (options->ca_file && !(client->limits.ca_file = strdup(options->ca_file))) {
        playcount_close(client);
        playcount_fail(error, PLAYCOUNT_E_MEMORY, -1, "no memory for a client");
        return NULL;
    }
    if (open_servers(client, options, error) != PLAYCOUNT_OK) {
        playcount_close(client);
        return NULL;
    }
    return client;
}

void playcount_close(playcount_client *client)
{
    if (!client) {
        return;
    }
    while (client->idle_n) {
        playcount_wire_free(client->idle[--client->idle_n]);
    }
    for (size_t i = 0; i < client->servers_n; i++) {
        playcount_server_free(&client->servers[i]);
    }
    free(client->servers);
    free(client->limits.ca_file);
    playcount_shards_free(&client->shards);
    pthread_mutex_destroy(&client->lock);
    free(client);
    curl_global_cleanup();
}

size_t playcount_servers(const playcount_client *client)
{
    return client->servers_n;
}

const char *playcount_server_name(const playcount_client *client, size_t server)
{
    return server < client->servers_n ? client->servers[server].name : NULL;
}

const playcount_server *playcount_find(const playcount_client *client,
                                       const char *id, playcount_error *error)
{
    const char *wrong = playcount_id_fault(id);
    if (wrong) {
        playcount_fail(error, PLAYCOUNT_E_USAGE, -1, "the id '%.255s' %s",
                       id ? id : "", wrong);
        return NULL;
    }
    int server = playcount_shards_find(&client->shards, id);
    if (server < 0) {
        playcount_fail(
            error, PLAYCOUNT_E_USAGE, -1,
            "the id '%s' is not an integer, which modulo needs to choose a server",
            id);
        return NULL;
    }
    return &client->servers[server];
}

int playcount_server_of(const playcount_client *client, const char *id,
                        playcount_error *error)
{
    playcount_error_clear(error);
    const playcount_server *server = playcount_find(client, id, error);
    return server ? server->number : -1;
}

playcount_wire *playcount_borrow(playcount_client *client, playcount_error *error)
{
    playcount_wire *wire = NULL;

    pthread_mutex_lock(&client->lock);
    if (client->idle_n) {
        wire = client->idle[--client->idle_n];
    }
    pthread_mutex_unlock(&client->lock);
    wire = wire ? wire : playcount_wire_new(&client->limits);
    if (!wire) {
        playcount_fail(error, PLAYCOUNT_E_MEMORY, -1, "no memory for connections");
    }
    return wire;
}

void playcount_return(playcount_client *client, playcount_wire *wire)
{
    pthread_mutex_lock(&client->lock);
    if (client->idle_n < (int)(sizeof(client->idle) / sizeof(*client->idle))) {
        client->idle[client->idle_n++] = wire;
        wire = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    playcount_wire_free(wire);
}
