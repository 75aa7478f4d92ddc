/* What the command says: results on stdout, messages on stderr, exit statuses. */
#ifndef PLAYCOUNT_COMMAND_SAY_H
#define PLAYCOUNT_COMMAND_SAY_H

#include <stdbool.h>
#include <stdio.h>

#include "client/playcount.h"

/* Exit statuses, as in playcount(1). */
typedef enum {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,      /* a server refused: 4xx, 5xx, full */
    EXIT_USAGE = 2,        /* wrong arguments or configuration */
    EXIT_UNREACHED = 3,    /* no connection, a broken one, no answer in time */
    EXIT_NONSENSE = 4,     /* an answer that is not from a mod_playcount server */
    EXIT_PARTLY = 5,       /* some songs or servers, not all */
    EXIT_FILE = 6,         /* a file could not be read or written, no memory */
    EXIT_INTERRUPTED = 130 /* by a signal */
} exit_status;

/* A message: "playcount: ...\n". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A wrong command line: the message and where help is. EXIT_USAGE. */
exit_status say_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* The sentence of an error; its exit status. */
exit_status say_error(const playcount_error *error);

/* The exit status of an outcome. */
exit_status exit_of(const playcount_error *error);

/* Print a string as JSON, with its quotes. */
void put_json(FILE *file, const char *text);

/* Print `ID=COUNT`, the id as in a listing. */
void put_entry(FILE *file, const char *id, uint64_t count);

/* Flush stdout; a failure to write is said and gives EXIT_FILE in place of
 * `status`. */
exit_status finish_output(exit_status status);

/* Set by SIGINT and SIGTERM, after catch_signals(). */
extern volatile int interrupted;
void catch_signals(void);

/* The same as a playcount_stop function. */
bool is_interrupted(void *unused);

#endif
