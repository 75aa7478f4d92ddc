/* The memory of replay --media. See mediastate.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command/mediastate.h"
#include "client/command/statefile.h"
#include "client/id.h"

/* --- lists --- */

/* At the end. `song` is taken over; NULL: no memory for it. */
static int put(media_list *list, int64_t day, uint64_t plays, char *song)
{
    if (song && list->n == list->room) {
        size_t room = 2 * list->room + 64;
        media_sent *more = realloc(list->all, room * sizeof(*more));

        if (!more) {
            free(song);
            return -1;
        }
        list->all = more;
        list->room = room;
    }
    if (!song) {
        return -1;
    }
    list->all[list->n++] = (media_sent){.day = day, .plays = plays, .song = song};
    return 0;
}

static void clear(media_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->all[i].song);
    }
    list->n = 0;
}

static void empty(media_list *list)
{
    clear(list);
    free(list->all);
    *list = (media_list){0};
}

static int order(int64_t day, const char *song, const media_sent *other)
{
    if (day != other->day) {
        return day < other->day ? -1 : 1;
    }
    return strcmp(song, other->song);
}

static int by_day(const void *a, const void *b)
{
    const media_sent *x = a;
    return order(x->day, x->song, b);
}

/* --- reading --- */

static bool read_list_line(media_list *list, const char *value)
{
    char song[PLAYCOUNT_ID_ENCODED];
    uint64_t plays;
    int64_t day;
    int end = 0;

    return sscanf(value, "%" SCNd64 " %" SCNu64 " %n", &day, &plays, &end) == 2 &&
           end && strlen(value + end) < sizeof(song) &&
           !playcount_percent_decode(value + end, strlen(value + end), song) &&
           !playcount_id_fault(song) && put(list, day, plays, strdup(song)) == 0;
}

static bool read_number(const char *value, int base, int64_t *number)
{
    char *end;
    *number = (int64_t)(base == 16 ? (int64_t)strtoull(value, &end, base)
                                   : strtoll(value, &end, base));
    return *value && !*end;
}

/* What a state says of itself. */
typedef struct {
    char *servers;
    int64_t rules, again;
} said;

static bool read_line(mediastate *s, char *line, said *by)
{
    char *value;

    if ((value = statefile_value(line, "servers"))) {
        free(by->servers);
        by->servers = strdup(value);
        return by->servers != NULL;
    }
    if ((value = statefile_value(line, "rules"))) {
        return read_number(value, 16, &by->rules);
    }
    if ((value = statefile_value(line, "again"))) {
        return read_number(value, 10, &by->again);
    }
    if ((value = statefile_value(line, "closed"))) {
        return read_number(value, 10, &s->closed);
    }
    if ((value = statefile_value(line, "sent"))) {
        return read_list_line(&s->sent, value);
    }
    if ((value = statefile_value(line, "sending"))) {
        return read_list_line(&s->sending, value);
    }
    if ((value = statefile_value(line, "when"))) {
        return read_number(value, 10, &s->when);
    }
    value = statefile_value(line, "run");
    if (value) {
        snprintf(s->id, sizeof(s->id), "%.32s", value);
    }
    return value && strlen(value) == 32 && strspn(value, "0123456789abcdef") == 32;
}

static exit_status unreadable(const mediastate *s)
{
    say("%s cannot be read; remove it to start over, which counts again what has "
        "been "
        "counted",
        s->path);
    return EXIT_FILE;
}

/* Whether it is the memory of this replay. */
static exit_status check(mediastate *s, const said *by, uint64_t asked)
{
    if (!by->servers || (s->sending.n && !*s->id)) {
        return unreadable(s);
    }
    if (strcmp(by->servers, s->servers) != 0) {
        say("%s: the replay before used other servers (%s); use the same, or name "
            "another file with --state",
            s->path, by->servers);
        return EXIT_USAGE;
    }
    if ((uint64_t)by->rules != asked && (s->sent.n || s->sending.n)) {
        say("%s is of a replay with other rules (--match, --format, --window, "
            "--root, "
            "--bitrate, --missing); name another file with --state for this one",
            s->path);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static exit_status read_state(mediastate *s, bool again, uint64_t asked)
{
    FILE *file = fdopen(dup(s->lock), "r");
    char *line = NULL;
    size_t room = 0;
    struct stat st;
    said by = {0};

    if (!file || fstat(s->lock, &st) != 0) {
        say("%s: %s", s->path, strerror(errno));
        return EXIT_FILE;
    }
    exit_status status = EXIT_DONE;
    if (st.st_size > 0) {
        if (getline(&line, &room, file) < 0 ||
            strcmp(line, "playcount media 1\n") != 0) {
            status = unreadable(s);
        }
        while (status == EXIT_DONE && getline(&line, &room, file) > 0) {
            if (!read_line(s, line, &by)) {
                status = unreadable(s);
            }
        }
        status = status == EXIT_DONE ? check(s, &by, asked) : status;
    }
    if (status == EXIT_DONE && again && !by.again) {
        clear(&s->sent);
        clear(&s->sending);
        s->closed = -1;
    }
    s->again = again || by.again;
    free(line);
    free(by.servers);
    fclose(file);
    return status;
}

exit_status mediastate_open(mediastate *s, const arguments *a, const char *path,
                            uint64_t rules)
{
    *s = (mediastate){.lock = -1, .closed = -1, .rules = rules};
    s->servers = statefile_servers(a->client);
    s->path = path ? strdup(path) : NULL;
    if (!s->servers || (path && !s->path)) {
        say("no memory");
        return EXIT_FILE;
    }
    exit_status status = path ? statefile_lock(path, &s->lock) : EXIT_DONE;
    return path && status == EXIT_DONE ? read_state(s, a->again, rules) : status;
}

/* --- what is to be done --- */

int mediastate_plan(mediastate *s, const media_count *counts, size_t n,
                    bool missing)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        const media_count *c = &counts[i];
        uint64_t plays = missing ? c->missing : c->plays, sent = 0;

        while (at < s->sent.n && order(c->day, c->song, &s->sent.all[at]) > 0) {
            at++;
        }
        if (at < s->sent.n && order(c->day, c->song, &s->sent.all[at]) == 0) {
            sent = s->sent.all[at].plays;
        }
        if (c->day > s->closed && plays > sent &&
            put(&s->sending, c->day, plays - sent, strdup(c->song))) {
            return -1;
        }
    }
    return 0;
}

/* Equal ones become one; days that are closed go. */
static void settle(mediastate *s)
{
    media_sent *all = s->sent.all;
    size_t kept = 0;

    qsort(all, s->sent.n, sizeof(*all), by_day);
    for (size_t i = 0; i < s->sent.n; i++) {
        if (kept && by_day(&all[kept - 1], &all[i]) == 0) {
            all[kept - 1].plays += all[i].plays;
            free(all[i].song);
        }
        else if (all[i].day <= s->closed) {
            free(all[i].song);
        }
        else {
            all[kept++] = all[i];
        }
    }
    s->sent.n = kept;
}

int mediastate_sent(mediastate *s, int64_t today)
{
    while (s->sending.n) {
        media_sent *last = &s->sending.all[s->sending.n - 1];

        if (put(&s->sent, last->day, last->plays, last->song)) {
            last->song = NULL;
            return -1;
        }
        s->sending.n--;
    }
    if (today - MEDIASTATE_DAYS - 1 > s->closed) {
        s->closed = today - MEDIASTATE_DAYS - 1;
    }
    *s->id = '\0';
    if (s->sent.n) {
        settle(s);
    }
    return 0;
}

/* --- writing --- */

static void write_list(FILE *file, const char *name, const media_list *list)
{
    char song[PLAYCOUNT_ID_ENCODED];

    for (size_t i = 0; i < list->n; i++) {
        playcount_id_to_text(list->all[i].song, song);
        fprintf(file, "%s %" PRId64 " %" PRIu64 " %s\n", name, list->all[i].day,
                list->all[i].plays, song);
    }
}

static void write_state(FILE *file, const void *context)
{
    const mediastate *s = context;

    fprintf(file,
            "playcount media 1\nservers %s\nrules %016" PRIx64 "\nagain %d\n"
            "closed %" PRId64 "\n",
            s->servers, s->rules, s->again, s->closed);
    write_list(file, "sent", &s->sent);
    if (s->sending.n) {
        fprintf(file, "run %s\nwhen %" PRId64 "\n", s->id, s->when);
        write_list(file, "sending", &s->sending);
    }
}

exit_status mediastate_save(mediastate *s)
{
    return s->path ? statefile_save(s->path, write_state, s, &s->lock) : EXIT_DONE;
}

void mediastate_close(mediastate *s)
{
    statefile_unlock(s->path, s->lock);
    empty(&s->sent);
    empty(&s->sending);
    free(s->path);
    free(s->servers);
}
