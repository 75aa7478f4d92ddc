/* What the errors of Redis mean: a table of how a line begins, what is done then,
 * and what the operator can do about it. */
#include "handoff/redis_talk.h"

#include <string.h>

#include "apr_strings.h"
#include "apr_time.h"

/* "MOVED 3999 127.0.0.1:6381": the node it names; -1 if that cannot be one. */
static int read_redirect(playcount_talk *t, int node, const char *line)
{
    const char *space = strrchr(line, ' ');
    const char *name = space ? space + 1 : "";

    if (*name == ':') { /* the same host */
        const char *colon = strrchr(t->redis->nodes[node].name, ':');

        name = apr_pstrcat(
            t->p,
            apr_pstrmemdup(t->p, t->redis->nodes[node].name,
                           (apr_size_t)(colon - t->redis->nodes[node].name)),
            name, NULL);
    }
    return strchr(name, ':') ? playcount_nodes_find(t->redis, name) : -1;
}

static int moved(playcount_talk *t, int node, uint32_t tag, const char *line)
{
    int to = read_redirect(t, node, line);

    if (to >= 0) {
        t->redis->owner[tag * 16] = (int16_t)to;
    }
    return to >= 0;
}

static int ask(playcount_talk *t, int node, uint32_t tag, const char *line)
{
    t->ask[tag] = (int16_t)read_redirect(t, node, line);
    return t->ask[tag] >= 0;
}

/* The slot is just moving: some of the keys are here and some there. */
static int try_again(playcount_talk *t, int node, uint32_t tag, const char *line)
{
    apr_sleep(apr_time_from_msec(20));
    return 1;
}

static int load_again(playcount_talk *t, int node, uint32_t tag, const char *line)
{
    /* A new connection loads the scripts. */
    playcount_nodes_close(t->redis, node);
    return 1;
}

/* This will take a while, and the slots may be elsewhere afterwards. */
static int give_up(playcount_talk *t, int node, uint32_t tag, const char *line)
{
    t->redis->is_mapped = 0;
    return 0;
}

static const struct {
    const char *begins;
    int (*then)(playcount_talk *t, int node, uint32_t tag,
                const char *line); /* 1: send again */
    const char *remedy;
} errors[] = {
    {"MOVED ", moved, NULL},
    {"ASK ", ask, NULL},
    {"TRYAGAIN", try_again, NULL},
    {"NOSCRIPT", load_again, NULL},
    {"CLUSTERDOWN", give_up, "the cluster has no master for some slots"},
    {"MASTERDOWN", give_up, "the node has lost its master"},
    {"LOADING", give_up, "the node is reading its data"},
    {"READONLY", give_up, "the node is no master"},
    {"BUSY", give_up, "a script is running there; see SCRIPT KILL"},
    {"OOM", give_up, "the node is full; give it a larger maxmemory"},
    {"NOREPLICAS", give_up, "too few replicas; see min-replicas-to-write"},
    {"MISCONF", give_up, "the node cannot write to its disk"},
    {"NOAUTH", give_up, "set password-file="},
    {"NOPERM", give_up,
     "the user must be allowed EVALSHA and the keys playcount:*"},
    {"WRONGTYPE", give_up, "something else has written to the counter's keys"},
};

#define ERRORS ((int)(sizeof(errors) / sizeof(errors[0])))

/* Which of them this is; -1: none. */
static int find(const char *line)
{
    for (int i = 0; i < ERRORS; i++) {
        if (!strncmp(line, errors[i].begins, strlen(errors[i].begins))) {
            return i;
        }
    }
    return -1;
}

const char *playcount_redis_explain(const char *line, apr_pool_t *p)
{
    int i = find(line);

    return i >= 0 && errors[i].remedy ? apr_pstrcat(p, ": ", errors[i].remedy, NULL)
                                      : "";
}

void playcount_talk_error(playcount_talk *t, int node, uint32_t tag,
                          const char *line)
{
    int i = find(line);

    if (i >= 0 && t->redirects-- > 0 && errors[i].then(t, node, tag, line)) {
        return;
    }
    playcount_talk_note(t, apr_psprintf(t->p, "%s answers \"%s\"%s",
                                        t->redis->nodes[node].name, line,
                                        playcount_redis_explain(line, t->p)));
    t->stopped = 1;
}
