/* What a cluster costs on paper, from the protocol's own sizes (docs/cluster.md):
 *
 *     build/t/simulate.t cost [SERVERS [SONGS [MASTERS [INTERVAL [CHANGES]]]]]
 *
 * CHANGES are the songs that a server plays in a second, each once, any of all. A
 * request is spelled out as redis_request.c and redis_read.c do it, in RESP, with
 * ids of 16 bytes and counts of 6 digits. */
#include "t/cluster/cost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "handoff/cluster.h"

#define ID 16
#define DIGITS 6
#define LINK 125e6        /* bytes a second: 1 Gbit/s */
#define TAGS_A_SECOND 256 /* of each master: AT_MOST in redis_read.c */

static const double tags = PLAYCOUNT_CLUSTER_TAGS;
static const double buckets = PLAYCOUNT_CLUSTER_TAGS * PLAYCOUNT_CLUSTER_BUCKETS;

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
                 string(sizeof("playcount:default:{1f}:1:l") - 1) + string(1) +
                 2 * string(16) + 2 * string(13) + string(15) + 2 * string(1);

    return tags * one +
           hit(changes, buckets) * (totals_key() + own_key() + string(1)) +
           changes * (string(ID) + string(DIGITS));
}

/* The answers: fence, position of the log, and the ids that others have changed. */
static double answered(double others)
{
    double one = 4 + string(2) + string(13) + 2 * 4 + string(15);

    return tags * one + others * (ID + 1);
}

/* Buckets that others have changed are read whole. */
static double read_back(double others, double songs)
{
    double dirty = hit(others, buckets);

    return dirty * (totals_key() + own_key()) +
           dirty * songs / buckets * (string(ID) + 2 * string(DIGITS));
}

static double argument(int argc, char **argv, int i, double otherwise)
{
    return argc > i ? strtod(argv[i], NULL) : otherwise;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

int playcount_cost_print(int argc, char **argv)
{
    double servers = argument(argc, argv, 0, 1000);
    double songs = argument(argc, argv, 1, 100e6);
    double masters = argument(argc, argv, 2, 32);
    double interval = argument(argc, argv, 3, 5);
    double changes = argument(argc, argv, 4, 1000) * interval;
    double others = (servers - 1) * changes;
    double out = sent(changes);
    double in = answered(others) + read_back(others, songs);
    double server = (out + in) / LINK,
           master = servers * (out + in) / masters / LINK;
    double whole = buckets * (totals_key() + own_key()) +
                   songs * (string(ID) + 2 * string(DIGITS));
    double sweep = most(tags / masters / TAGS_A_SECOND,
                        most(whole / LINK, whole / masters / LINK));
    double period = most(interval, most(server, master));

    printf("%.0f servers, %.0f songs, %.0f masters, interval %.0f s, %.0f songs "
           "played "
           "a second and server\n\n",
           servers, songs, masters, interval, changes / interval);
    printf("a round sends       %12.0f bytes from each server\n", out);
    printf(
        "        answers     %12.0f bytes to each server, of it %.0f read back\n",
        in, read_back(others, songs));
    printf("each server         %12.0f bytes a second\n", (out + in) / interval);
    printf("each master         %12.0f bytes a second\n",
           servers * (out + in) / masters / interval);
    printf("reading all once    %12.0f bytes, %.0f s at 1 Gbit/s\n", whole, sweep);
    printf("all servers at once %12.0f s, at 1 Gbit/s of each master\n",
           most(sweep, servers * whole / masters / LINK));
    printf("others' plays after %12.0f s, twice the longest of: interval, %.1f s "
           "for a "
           "server's 1 Gbit/s, %.1f s for a master's\n",
           2 * period, server, master);
    return 0;
}
