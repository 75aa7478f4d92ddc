/* What the command says. See say.h. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>
#include <string.h>
#include <jansson.h>

#include "client/command/progress.h"
#include "client/command/say.h"
#include "client/id.h"

volatile int interrupted;

static void say_list(const char *format, va_list values)
{
    progress_clear();
    fputs("playcount: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
}

void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say_list(format, values);
    va_end(values);
}

exit_status say_usage(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say_list(format, values);
    va_end(values);
    fputs("Try 'playcount --help'.\n", stderr);
    return EXIT_USAGE;
}

exit_status exit_of(const playcount_error *error)
{
    switch (error->status) {
    case PLAYCOUNT_OK:
        return EXIT_DONE;
    case PLAYCOUNT_E_REFUSED:
    case PLAYCOUNT_E_FULL:
        return EXIT_REFUSED;
    case PLAYCOUNT_E_USAGE:
        return EXIT_USAGE;
    case PLAYCOUNT_E_CONNECT:
    case PLAYCOUNT_E_TIMEOUT:
    case PLAYCOUNT_E_CUT:
        return EXIT_UNREACHED;
    case PLAYCOUNT_E_ANSWER:
        return EXIT_NONSENSE;
    case PLAYCOUNT_E_PARTLY:
        return EXIT_PARTLY;
    case PLAYCOUNT_E_STOPPED:
        return interrupted ? EXIT_INTERRUPTED : EXIT_FILE;
    default:
        return EXIT_FILE;
    }
}

exit_status say_error(const playcount_error *error)
{
    say("%s", error->sentence);
    return exit_of(error);
}

void put_json(FILE *file, const char *text)
{
    json_t *string = json_string(text);
    if (string) {
        json_dumpf(string, file, JSON_ENCODE_ANY);
        json_decref(string);
    }
}

void put_entry(FILE *file, const char *id, uint64_t count)
{
    char text[PLAYCOUNT_ID_ENCODED];
    playcount_id_to_text(id, text);
    fprintf(file, "%s=%" PRIu64, text, count);
}

exit_status finish_output(exit_status status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        say("the output could not be written: %s", strerror(errno));
        return EXIT_FILE;
    }
    return status;
}

static void on_signal(int number)
{
    /* The second time it is meant. */
    if (interrupted) {
        _exit(128 + number);
    }
    interrupted = 1;
}

bool is_interrupted(void *unused)
{
    (void)unused;
    return interrupted != 0;
}

void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}
