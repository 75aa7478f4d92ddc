/* load: the options of one run, and its result as JSON. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bench/load/run.h"

static const char usage[] =
    "usage: load --port N --request FILE [options]\n"
    "  --versus FILE     another request, asked in turn with the first\n"
    "  --slot-ms N       each of the two for so long at a time (20)\n"
    "  --awake           does not sleep: no answer has to wake this process\n"
    "  --cpu-of PID      the server's; as often as it has processes\n"
    "  --connections N   that ask (1)\n"
    "  --active N        of them at a time; they take turns (all)\n"
    "  --idle N          more, which ask once and stay open (0)\n"
    "  --pipeline N      requests sent at once (1)\n"
    "  --seconds S       how long (1)\n"
    "  --rate N          requests a second at fixed times (as fast as it goes)\n"
    "  --songs N         any of N songs (1)\n"
    "  --in-turn         each of the songs once, then stop\n"
    "  --over-and-over   each of the songs in turn, and again\n"
    "  --seed N          of the choice\n"
    "  --slow N          more, which send one request byte by byte (0)\n"
    "  --slow-ms N       the pause between two bytes (1000)\n"
    "  --at-least N      answers, even if it takes longer (0)\n"
    "  --wait S          for answers when the time is over (5)\n"
    "  --redis N         speak RESP, N replies to a request\n";

static void print(const result *r)
{
    samples_finish();
    printf(
        "{\"answers\": %lu, \"late\": %lu, \"bytes\": %lu, \"seconds\": %.6f, "
        "\"ids\": %lu, \"reconnects\": %lu, \"idle_open\": %d, \"slow_good\": %d, ",
        r->answers, r->late, r->bytes, (double)r->elapsed_ns / 1e9, request_ids(),
        r->reconnects, r->idle_open, r->slow_good);
    printf("\"versus_answers\": %lu, \"versus_seconds\": %.6f, ", r->versus_answers,
           (double)r->versus_ns / 1e9);
    printf("\"cpu_seconds\": %.9f, \"versus_cpu_seconds\": %.9f, ",
           (double)r->cpu_ns / 1e9, (double)r->versus_cpu_ns / 1e9);
    printf("\"errors\": {\"connect\": %lu, \"bad\": %lu, \"malformed\": %lu, "
           "\"cut\": %lu, \"unanswered\": %lu}, ",
           r->connect, r->bad, r->malformed, r->cut, r->unanswered);
    printf("\"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, "
           "\"max\": %.1f}}\n",
           samples_quantile(0.5), samples_quantile(0.99), samples_quantile(0.999),
           samples_quantile(1));
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", 1, NULL, 'p'},          {"request", 1, NULL, 'q'},
        {"connections", 1, NULL, 'c'},   {"active", 1, NULL, 'a'},
        {"idle", 1, NULL, 'i'},          {"pipeline", 1, NULL, 'd'},
        {"seconds", 1, NULL, 's'},       {"rate", 1, NULL, 'r'},
        {"songs", 1, NULL, 'n'},         {"in-turn", 0, NULL, 't'},
        {"over-and-over", 0, NULL, 'o'}, {"seed", 1, NULL, 'e'},
        {"slow", 1, NULL, 'l'},          {"slow-ms", 1, NULL, 'm'},
        {"wait", 1, NULL, 'w'},          {"at-least", 1, NULL, 'A'},
        {"redis", 1, NULL, 'R'},         {"versus", 1, NULL, 'v'},
        {"slot-ms", 1, NULL, 'S'},       {"awake", 0, NULL, 'W'},
        {"cpu-of", 1, NULL, 'P'},        {NULL, 0, NULL, 0},
    };
    plan p = {.connections = 1,
              .pipeline = 1,
              .replies = 1,
              .slow_ms = 1000,
              .slot_ns = 20000000,
              .seconds_ns = 1000000000,
              .wait_ns = 5000000000u};
    uint64_t songs = 1, seed = 0;
    request_order order = RANDOM;
    int o;
    result r;
    struct rlimit files;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (o) {
        case 'p':
            p.port = (uint16_t)atoi(optarg);
            break;
        case 'q':
            request_load(&p.ask, optarg);
            break;
        case 'v':
            request_load(&p.versus, optarg);
            break;
        case 'S':
            p.slot_ns = (uint64_t)(atof(optarg) * 1e6);
            break;
        case 'P':
            processes_add(atoi(optarg));
            break;
        case 'W':
            p.awake = 1;
            break;
        case 'c':
            p.connections = atoi(optarg);
            break;
        case 'a':
            p.active = atoi(optarg);
            break;
        case 'i':
            p.idle = atoi(optarg);
            break;
        case 'd':
            p.pipeline = atoi(optarg);
            break;
        case 's':
            p.seconds_ns = (uint64_t)(atof(optarg) * 1e9);
            break;
        case 'r':
            p.rate = atof(optarg);
            break;
        case 'n':
            songs = strtoull(optarg, NULL, 10);
            break;
        case 't':
            order = IN_TURN;
            break;
        case 'o':
            order = OVER_AND_OVER;
            break;
        case 'e':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 'l':
            p.slow = atoi(optarg);
            break;
        case 'm':
            p.slow_ms = atoi(optarg);
            break;
        case 'w':
            p.wait_ns = (uint64_t)(atof(optarg) * 1e9);
            break;
        case 'A':
            p.at_least = strtoull(optarg, NULL, 10);
            break;
        case 'R':
            p.protocol = PROTOCOL_REDIS;
            p.replies = strtoull(optarg, NULL, 10);
            break;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (!p.port || !p.ask.length || p.connections < 1 || p.pipeline < 1) {
        fputs(usage, stderr);
        return 2;
    }
    if (p.active < 1 || p.active > p.connections) {
        p.active = p.connections;
    }
    signal(SIGPIPE, SIG_IGN); /* a write that fails shows in reading */
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    request_choose(songs, order, seed);
    run(&p, &r);
    print(&r);
    return 0;
}
