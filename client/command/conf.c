/* What the command is told. See conf.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/command/conf.h"
#include "client/listing.h"

void conf_init(conf *c)
{
    memset(c, 0, sizeof(*c));
    playcount_options_init(&c->options);
    c->options.servers = c->servers;
}

int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    return playcount_count_parse(text, strlen(text), value) || *value < min ||
           *value > max;
}

const char *conf_server(conf *c, const char *address)
{
    if (c->options.servers_n == PLAYCOUNT_SERVERS_MAX) {
        return "there are more than 1024 servers";
    }
    c->servers[c->options.servers_n++] = address;
    return NULL;
}

const char *conf_shard(conf *c, const char *name)
{
    if (strcmp(name, "ketama") == 0) {
        c->options.shard = PLAYCOUNT_SHARD_KETAMA;
    }
    else if (strcmp(name, "modulo") == 0) {
        c->options.shard = PLAYCOUNT_SHARD_MODULO;
    }
    else {
        return "it must be ketama or modulo";
    }
    return NULL;
}

const char *conf_timeout(conf *c, const char *seconds)
{
    char *end;
    double value = strtod(seconds, &end);
    if (end == seconds || *end || !(value >= 0.001 && value <= 3600)) {
        return "it must be 0.001 to 3600 seconds";
    }
    c->options.timeout_ms = (long)(value * 1000 + 0.5);
    return NULL;
}

const char *conf_retries(conf *c, const char *number)
{
    uint64_t value;
    if (parse_number(number, 0, 100, &value)) {
        return "it must be 0 to 100";
    }
    c->options.retries = (int)value;
    return NULL;
}

const char *conf_cacert(conf *c, const char *file)
{
    if (access(file, R_OK) != 0) {
        return "there is no such file, or it cannot be read";
    }
    c->options.ca_file = file;
    return NULL;
}

const char *conf_metrics(conf *c, const char *url)
{
    c->metrics = url;
    return *url ? NULL : "it must be a URL";
}

/* A setting by its name in a file. `has` is where it is noted; settings that
 * something before has said are checked and then ignored. */
static const struct {
    const char *name;
    size_t has;
    const char *(*set)(conf *c, const char *value);
} settings[] = {
    {"server", offsetof(conf, has_servers), conf_server},
    {"shard", offsetof(conf, has_shard), conf_shard},
    {"timeout", offsetof(conf, has_timeout), conf_timeout},
    {"retries", offsetof(conf, has_retries), conf_retries},
    {"cacert", offsetof(conf, has_cacert), conf_cacert},
    {"metrics", offsetof(conf, has_metrics), conf_metrics},
};

enum { SETTINGS = sizeof(settings) / sizeof(*settings) };

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n && strchr(" \t\r\n", text[n - 1])) {
        text[--n] = '\0';
    }
    return text;
}

/* A copy that stays, or NULL: no room. */
static char *keep(conf *c, const char *text)
{
    size_t n = strlen(text) + 1;
    if (n > sizeof(c->text) - c->text_n) {
        return NULL;
    }
    char *kept = memcpy(c->text + c->text_n, text, n);
    c->text_n += n;
    return kept;
}

/* One line; `said` collects what this file says. */
static const char *read_line(conf *c, char *line, bool said[SETTINGS])
{
    char *hash = strchr(line, '#');
    /* A # may be part of an address, so a comment begins a word. */
    if (hash && (hash == line || hash[-1] == ' ' || hash[-1] == '\t')) {
        *hash = '\0';
    }
    char *name = trim(line);
    if (!*name) {
        return NULL;
    }
    char *equals = strchr(name, '=');
    if (!equals) {
        return "it is not of the form name = value";
    }
    *equals = '\0';
    name = trim(name);
    char *value = trim(equals + 1);
    for (int i = 0; i < SETTINGS; i++) {
        if (strcmp(settings[i].name, name) == 0) {
            if (*((bool *)((char *)c + settings[i].has))) {
                conf unused;
                conf_init(&unused); /* what is returned is a sentence */
                /* cppcheck-suppress returnDanglingLifetime */
                return settings[i].set(&unused, value);
            }
            said[i] = true;
            const char *kept = keep(c, value);
            return kept ? settings[i].set(c, kept) : "there are too many settings";
        }
    }
    return "there is no such setting";
}

static exit_status read_file(conf *c, const char *path, bool must_exist)
{
    bool said[SETTINGS] = {false};
    char line[4096];
    FILE *file = fopen(path, "r");

    if (!file) {
        if (!must_exist && (errno == ENOENT || errno == ENOTDIR)) {
            return EXIT_DONE;
        }
        say("%s: %s", path, strerror(errno));
        return EXIT_FILE;
    }
    for (int number = 1; fgets(line, sizeof(line), file); number++) {
        const char *wrong = read_line(c, line, said);
        if (wrong) {
            say("%s, line %d: %s", path, number, wrong);
            fclose(file);
            return EXIT_USAGE;
        }
    }
    fclose(file);
    for (int i = 0; i < SETTINGS; i++) {
        if (said[i]) {
            *((bool *)((char *)c + settings[i].has)) = true;
        }
    }
    return EXIT_DONE;
}

static exit_status read_environment(conf *c)
{
    char *servers;
    const char *text = getenv("PLAYCOUNT_SERVER"), *wrong = NULL;

    if (text && *text && !c->has_servers) {
        servers = keep(c, text);
        if (!servers) {
            say("PLAYCOUNT_SERVER is too long");
            return EXIT_USAGE;
        }
        for (char *s = strtok(servers, " \t\n,"); s && !wrong;
             s = strtok(NULL, " \t\n,")) {
            wrong = conf_server(c, s);
        }
        c->has_servers = true;
    }
    const char *name = "PLAYCOUNT_SERVER";
    if (!wrong && !c->has_shard && (text = getenv("PLAYCOUNT_SHARD")) && *text) {
        name = "PLAYCOUNT_SHARD";
        wrong = conf_shard(c, text);
        c->has_shard = true;
    }
    if (!wrong && !c->has_timeout && (text = getenv("PLAYCOUNT_TIMEOUT")) &&
        *text) {
        name = "PLAYCOUNT_TIMEOUT";
        wrong = conf_timeout(c, text);
        c->has_timeout = true;
    }
    if (!c->has_metrics && (text = getenv("PLAYCOUNT_METRICS")) && *text) {
        conf_metrics(c, text);
        c->has_metrics = true;
    }
    if (wrong) {
        say("%s in the environment cannot be used: %s", name, wrong);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

exit_status conf_complete(conf *c, bool needs_server)
{
    char path[4096];
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    const char *named = getenv("PLAYCOUNT_CONFIG");

    exit_status status = read_environment(c);
    if (status != EXIT_DONE) {
        return status;
    }
    if (named && *named) {
        status = read_file(c, named, true);
    }
    else if (base && *base) {
        snprintf(path, sizeof(path), "%s/playcount/config", base);
        status = read_file(c, path, false);
    }
    else if (home && *home) {
        snprintf(path, sizeof(path), "%s/.config/playcount/config", home);
        status = read_file(c, path, false);
    }
    if (status == EXIT_DONE) {
        status = read_file(c, "/etc/playcount.conf", false);
    }
    if (status == EXIT_DONE && needs_server && !c->options.servers_n) {
        return say_usage(
            "which server? Say -s ADDRESS, or set PLAYCOUNT_SERVER, or put "
            "server = ADDRESS into ~/.config/playcount/config");
    }
    return status;
}
