/* get, play, list, top, reset. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command/command.h"
#include "client/tally.h"

/* Entries on stdout: a line each, or members of a JSON object, or a JSON array. */
typedef struct {
    bool json, array;
    uint64_t n;
} printer;

static void print_entry(printer *p, const char *id, uint64_t count)
{
    if (!p->json) {
        put_entry(stdout, id, count);
        putchar('\n');
        return;
    }
    if (p->n++) {
        putchar(',');
    }
    if (p->array) {
        fputs("{\"song\":", stdout);
        put_json(stdout, id);
        printf(",\"count\":%" PRIu64 "}", count);
    }
    else {
        put_json(stdout, id);
        printf(":%" PRIu64, count);
    }
}

static void print_begin(const printer *p)
{
    if (p->json) {
        putchar(p->array ? '[' : '{');
    }
}

static void print_end(const printer *p)
{
    if (p->json) {
        puts(p->array ? "]" : "}");
    }
}

/* What went wrong, and whether the plays may have been counted all the same. */
static exit_status say_failure(const playcount_error *error)
{
    exit_status status = say_error(error);
    if (error->uncertain) {
        say("it is not known whether the plays were counted");
    }
    return status;
}

/* One count alone is the bare number. */
static exit_status print_one(const arguments *a, const char *id, uint64_t count,
                             const playcount_error *error)
{
    printer p = {.json = true};

    if (error->status != PLAYCOUNT_OK) {
        return say_failure(error);
    }
    if (a->json) {
        print_begin(&p);
        print_entry(&p, id, count);
        print_end(&p);
    }
    else {
        printf("%" PRIu64 "\n", count);
    }
    return finish_output(EXIT_DONE);
}

/* The songs that have counts; the failures have been said. A JSON object has a song
 * once. */
static void print_songs(const arguments *a, const playcount_song *songs, size_t n)
{
    printer p = {.json = a->json};
    playcount_tally seen = {0};

    print_begin(&p);
    for (size_t i = 0; i < n; i++) {
        size_t before = seen.n;
        if (songs[i].status != PLAYCOUNT_OK) {
            continue;
        }
        if (!a->json || playcount_tally_add(&seen, songs[i].id, 0) < 0 ||
            seen.n > before) {
            print_entry(&p, songs[i].id, songs[i].count);
        }
    }
    print_end(&p);
    playcount_tally_free(&seen);
}

static playcount_song *named_songs(const arguments *a)
{
    playcount_song *songs = calloc((size_t)a->words_n, sizeof(*songs));
    if (!songs) {
        say("no memory for the songs");
        return NULL;
    }
    for (int i = 0; i < a->words_n; i++) {
        songs[i].id = a->words[i];
        songs[i].by = a->by;
    }
    return songs;
}

exit_status command_get(const arguments *a)
{
    playcount_error error;

    if (a->words_n == 1) {
        uint64_t count = 0;
        playcount_get(a->client, a->words[0], &count, &error);
        return print_one(a, a->words[0], count, &error);
    }
    playcount_song *songs = named_songs(a);
    if (!songs) {
        return EXIT_FILE;
    }
    playcount_get_many(a->client, songs, (size_t)a->words_n, &error);
    print_songs(a, songs, (size_t)a->words_n);
    exit_status status =
        error.status == PLAYCOUNT_OK ? EXIT_DONE : say_failure(&error);
    free(songs);
    return finish_output(status);
}

exit_status command_play(const arguments *a)
{
    playcount_error error;

    if (a->words_n == 1) {
        uint64_t count = 0;
        playcount_add(a->client, a->words[0], a->by, &count, &error);
        return print_one(a, a->words[0], count, &error);
    }
    playcount_song *songs = named_songs(a);
    if (!songs) {
        return EXIT_FILE;
    }
    playcount_add_many(a->client, songs, (size_t)a->words_n, &error);
    print_songs(a, songs, (size_t)a->words_n);
    exit_status status =
        error.status == PLAYCOUNT_OK ? EXIT_DONE : say_failure(&error);
    free(songs);
    return finish_output(status);
}

/* What each server that failed has to say, besides the first, which *error says. */
static exit_status say_servers(const arguments *a, const playcount_error *each,
                               const playcount_error *error)
{
    if (error->status == PLAYCOUNT_OK) {
        return EXIT_DONE;
    }
    if (error->server < 0 || error->status == PLAYCOUNT_E_STOPPED) {
        return say_error(error);
    }
    for (size_t i = 0; i < playcount_servers(a->client); i++) {
        if (each[i].status != PLAYCOUNT_OK) {
            say("%s", each[i].sentence);
        }
    }
    return exit_of(error);
}

static playcount_error *server_errors(const arguments *a)
{
    playcount_error *each = calloc(playcount_servers(a->client), sizeof(*each));
    if (!each) {
        say("no memory for the servers");
    }
    return each;
}

static int list_one(void *context, int server, const char *id, uint64_t count)
{
    (void)server;
    print_entry(context, id, count);
    return ferror(stdout) || interrupted;
}

static int list_add(void *context, int server, const char *id, uint64_t count)
{
    (void)server;
    return playcount_tally_add(context, id, count) < 0 || interrupted;
}

/* A song that is on several servers, as after one was added, is listed once. */
static exit_status list_many(const arguments *a, printer *p, playcount_error *each)
{
    playcount_tally tally = {0};
    playcount_error error;

    playcount_list(a->client, list_add, &tally, each, &error);
    for (size_t i = 0; i < tally.n; i++) {
        print_entry(p, playcount_tally_id(&tally, i), tally.songs[i].sum);
    }
    playcount_tally_free(&tally);
    return say_servers(a, each, &error);
}

exit_status command_list(const arguments *a)
{
    printer p = {.json = a->json};
    playcount_error error, *each = server_errors(a);
    exit_status status;

    if (!each) {
        return EXIT_FILE;
    }
    print_begin(&p);
    if (playcount_servers(a->client) == 1) {
        playcount_list(a->client, list_one, &p, each, &error);
        status = say_servers(a, each, &error);
    }
    else {
        status = list_many(a, &p, each);
    }
    /* A listing that is not whole must not look as if it were. */
    if (status == EXIT_DONE || status == EXIT_PARTLY) {
        print_end(&p);
    }
    free(each);
    return finish_output(status);
}

exit_status command_top(const arguments *a)
{
    printer p = {.json = a->json, .array = true};
    uint64_t n = 10;

    if (a->words_n && parse_number(a->words[0], 1, 100000, &n)) {
        return say_usage("top takes a number from 1 to 100000, not '%s'",
                         a->words[0]);
    }
    playcount_error error, *each = server_errors(a);
    if (!each) {
        return EXIT_FILE;
    }
    print_begin(&p);
    playcount_top(a->client, (size_t)n, list_one, &p, each, &error);
    exit_status status = say_servers(a, each, &error);
    if (status == EXIT_DONE || status == EXIT_PARTLY) {
        print_end(&p);
    }
    free(each);
    return finish_output(status);
}

static bool confirmed(const arguments *a)
{
    char line[16];

    fprintf(stderr, "Forget all counts on");
    for (size_t i = 0; i < playcount_servers(a->client); i++) {
        fprintf(stderr, " %s", playcount_server_name(a->client, i));
    }
    fprintf(stderr, "? [y/N] ");
    return fgets(line, sizeof(line), stdin) && (*line == 'y' || *line == 'Y');
}

static void print_reset(const arguments *a, const playcount_error *each)
{
    fputs("{\"servers\":[", stdout);
    for (size_t i = 0; i < playcount_servers(a->client); i++) {
        printf("%s{\"server\":", i ? "," : "");
        put_json(stdout, playcount_server_name(a->client, i));
        printf(",\"reset\":%s", each[i].status == PLAYCOUNT_OK ? "true" : "false");
        if (each[i].status != PLAYCOUNT_OK) {
            fputs(",\"error\":", stdout);
            put_json(stdout, each[i].sentence);
        }
        putchar('}');
    }
    puts("]}");
}

exit_status command_reset(const arguments *a)
{
    if (!a->yes && !isatty(STDIN_FILENO)) {
        return say_usage("reset forgets all counts; without a terminal, say --yes");
    }
    if (!a->yes && !confirmed(a)) {
        say("nothing was reset");
        return EXIT_INTERRUPTED;
    }
    playcount_error error, *each = server_errors(a);
    if (!each) {
        return EXIT_FILE;
    }
    playcount_reset(a->client, each, &error);
    if (a->json) {
        print_reset(a, each);
    }
    exit_status status = say_servers(a, each, &error);
    free(each);
    return finish_output(status);
}
