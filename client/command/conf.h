/* What the command is told: command line, environment, configuration files.
 *
 * The command line comes before the environment (PLAYCOUNT_SERVER: addresses with
 * spaces between them; PLAYCOUNT_SHARD; PLAYCOUNT_TIMEOUT; PLAYCOUNT_METRICS), that
 * before the user's file ($PLAYCOUNT_CONFIG, or $XDG_CONFIG_HOME/playcount/config,
 * or
 * ~/.config/playcount/config), that before /etc/playcount.conf. A file has lines of
 * the form `name = value` with the names server (may stand several times), shard,
 * timeout, retries, cacert and metrics; # begins a comment.
 */
#ifndef PLAYCOUNT_COMMAND_CONF_H
#define PLAYCOUNT_COMMAND_CONF_H

#include "client/command/say.h"

enum { CONF_TEXT = 65536 };

typedef struct {
    playcount_options options;
    const char *servers[PLAYCOUNT_SERVERS_MAX];
    char text[CONF_TEXT]; /* what was read from files and the environment lies here
                           */
    size_t text_n;
    const char *metrics; /* URL of a playcount-metrics location; NULL: none */
    /* Already set by a source with precedence. */
    bool has_servers, has_shard, has_timeout, has_retries, has_cacert, has_metrics;
} conf;

void conf_init(conf *c);

/* One setting, from anywhere. NULL, or what is wrong with the value. The text must
 * stay where it is. Several servers may be given; those of one source belong
 * together. */
const char *conf_server(conf *c, const char *address);
const char *conf_shard(conf *c, const char *name);
const char *conf_timeout(conf *c, const char *seconds);
const char *conf_retries(conf *c, const char *number);
const char *conf_cacert(conf *c, const char *file);
const char *conf_metrics(conf *c, const char *url);

/* What the command line has not said, from the environment and the files. Without a
 * server it is not complete, unless none is needed. */
exit_status conf_complete(conf *c, bool needs_server);

/* A whole number from min to max; not 0: it is not one. */
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

#endif
