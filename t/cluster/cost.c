/* What a cluster costs on paper, from the protocol's own sizes (docs/cluster.md):
 *
 *     build/t/simulate.t cost [SERVERS [SONGS [MASTERS [INTERVAL [RATE [GBIT]]]]]]
 *
 * RATE are the songs that a server plays in a second, each once, any of all. A
 * request is spelled out as redis_request.c does it, an answer as send.lua and
 * read.lua do, in RESP, with ids of 16 bytes and counts of 6 digits. */
#include "t/cluster/cost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "handoff/cluster.h"

#define ID 16
#define DIGITS 6
#define TAGS_A_SECOND 256 /* of each master: AT_MOST in redis_read.c */

/* Seconds of a master's processor, measured with Redis 7.0 on one of 2.4 GHz. */
#define REQUEST 13e-6  /* a call of send.lua */
#define BUCKET 7e-6    /* each bucket that it tells songs of */
#define TOLD 2.7e-6    /* each song */
#define ENTRY 1.6e-6   /* an entry of the log in its answer */
#define CHANGE 0.05e-6 /* a song in that */
#define READ 1.4e-6    /* a song of a tag that is read whole */

static const double tags = PLAYCOUNT_CLUSTER_TAGS;
static const double buckets = PLAYCOUNT_CLUSTER_TAGS * PLAYCOUNT_CLUSTER_BUCKETS;

static double most(double a, double b)
{
    return a > b ? a : b;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* A string of so many bytes: $16\r\n...\r\n */
static double string(double bytes)
{
    return 1 + floor(log10(bytes + 0.5)) + 1 + 2 + bytes + 2;
}

/* playcount:default:{1f}:1:0f3a...:12 */
static double own_key(void)
{
    return string(sizeof("playcount:default:{1f}:1:0123456789abcdef:12") - 1);
}

static double totals_key(void)
{
    return string(sizeof("playcount:default:{1f}:1:t:12") - 1);
}

/* What is expected of `n` throws into `among` places: so many are hit. */
static double hit(double n, double among)
{
    return among * (1 - pow(1 - 1 / among, n));
}

/* One round: a request and an answer for each tag, and what has changed. */
static double sent(double changes)
{
    double one = 6 + string(7) + string(40) + string(1) +
                 string(sizeof("playcount:default:{1f}:f") - 1) +
                 string(sizeof("playcount:default:{1f}:1:c") - 1) + string(1) +
                 2 * string(16) + 2 * string(13) + string(15) + 2 * string(1);

    return tags * one +
           hit(changes, buckets) * (totals_key() + own_key() + string(1)) +
           changes * (string(ID) + string(DIGITS));
}

/* The answers: fence, position in the log, and ids and totals that others have
 * changed, in so many entries. */
static double answered(double others, double entries)
{
    double one = 4 + string(2) + string(13) + 2 * 4 + string(15);

    return tags * one + others * (ID + 1 + DIGITS + 1) +
           entries * (string(100) - 101);
}

/* All that the tags have. */
static double whole(double songs)
{
    return buckets * (totals_key() + own_key()) +
           songs * (string(ID) + 2 * string(DIGITS));
}

/* How many entries a tag's log keeps: see send.lua. */
static double kept(double servers, double songs, double changes_of_entry)
{
    double room = most(1600, songs / tags / 2);

    return most(4, least(most(1024, 4 * servers), room / changes_of_entry));
}

static double argument(int argc, char **argv, int i, double otherwise)
{
    return argc > i ? strtod(argv[i], NULL) : otherwise;
}

typedef struct {
    double servers, songs, masters, interval, rate, link; /* the arguments */
    double period;  /* from one round to the next: the interval, or longer */
    double changes; /* of a server in it */
    double others;  /* of all other servers in it */
    double entries; /* in which these stand in the logs */
    double out, in; /* bytes of a server in it */
    double cpu;     /* seconds of a master's processor for all servers in it */
    double reach;   /* periods that the logs reach back */
} cost;

static double server_link(const cost *c)
{
    return (c->out + c->in) / c->link;
}

static double master_link(const cost *c)
{
    return c->servers * (c->out + c->in) / c->masters / c->link;
}

static double longest(const cost *c)
{
    return most(c->cpu, most(server_link(c), master_link(c)));
}

static void compute(cost *c, double period)
{
    double touched;

    c->period = period;
    c->changes = c->rate * period;
    touched = hit(c->changes, tags);
    c->others = (c->servers - 1) * c->changes;
    c->entries = (c->servers - 1) * touched;
    c->out = sent(c->changes);
    c->in = answered(c->others, c->entries);
    c->reach = kept(c->servers, c->songs, c->changes / touched) /
               (c->servers * touched / tags);
    c->cpu = c->servers / c->masters *
             (tags * REQUEST + hit(c->changes, buckets) * BUCKET +
              c->changes * TOLD + c->entries * ENTRY + c->others * CHANGE);
}

/* The logs cannot carry it: each round reads everything. */
static void read_all(cost *c)
{
    compute(c, c->interval);
    c->in = answered(0, 0) + whole(c->songs);
    c->cpu = c->servers / c->masters * (tags * REQUEST + c->songs * READ);
    c->reach = 0;
    c->period = most(c->interval, longest(c));
}

/* What takes longer than the interval has more to carry each time, but fewer and
 * longer entries. */
static void settle(cost *c)
{
    for (compute(c, c->interval); c->reach >= 1 && longest(c) > c->period;) {
        compute(c, c->period * 1.02);
    }
    if (c->reach < 1) {
        read_all(c);
    }
}

static void print(const cost *c)
{
    double all = whole(c->songs);
    double reads = all / c->masters / c->link;

    printf("%.0f servers, %.0f songs, %.0f masters, interval %.0f s, %.0f songs "
           "played a second and server, %.0f Gbit/s\n\n",
           c->servers, c->songs, c->masters, c->interval, c->rate,
           c->link * 8 / 1e9);
    printf("a round takes       %12.0f s\n", c->period);
    printf("        sends       %12.0f bytes from each server\n", c->out);
    printf("        answers     %12.0f bytes to each server\n", c->in);
    if (c->reach) {
        printf("the logs reach back %12.1f rounds\n", c->reach);
    }
    else {
        printf(
            "the logs do not reach back a round: everything is read each time\n");
    }
    printf("each server         %12.0f bytes a second\n",
           (c->out + c->in) / c->period);
    printf("each master         %12.0f bytes a second, %.2f of a processor\n",
           c->servers * (c->out + c->in) / c->masters / c->period,
           c->cpu / c->period);
    printf("a server that starts reads %.0f bytes, in %.0f s\n", all,
           most(most(tags / TAGS_A_SECOND, c->songs * READ) / c->masters,
                all / c->link));
    printf("all that start      %12.0f s\n",
           c->servers * most(reads, c->songs * READ / c->masters));
    printf("others' plays after %12.0f s, two rounds\n", 2 * c->period);
}

int playcount_cost_print(int argc, char **argv)
{
    cost c = {
        .servers = argument(argc, argv, 0, 1000),
        .songs = argument(argc, argv, 1, 100e6),
        .masters = argument(argc, argv, 2, 32),
        .interval = argument(argc, argv, 3, 5),
        .rate = argument(argc, argv, 4, 1000),
        .link = argument(argc, argv, 5, 1) * 1e9 / 8,
    };

    settle(&c);
    print(&c);
    return 0;
}
