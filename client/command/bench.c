/* bench: a load generator: one load, or cycles of more and more users. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "client/command/benchreport.h"

enum { CYCLES = 64, USERS_MAX = 10000 };

static const struct {
    const char *name;
    double q;
} quantiles[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"p999", .999}};

static void print_json(const arguments *a, const bench_result *sum)
{
    printf("{\"work\":\"%s\",\"connections\":%" PRIu64 ",\"seconds\":%.3f,"
           "\"requests\":%" PRIu64 ",\"requests_per_second\":%.1f,",
           a->work, sum->users, sum->seconds, sum->requests,
           (double)sum->requests / sum->seconds);
    if (strcmp(a->work, "get") != 0) {
        printf("\"plays\":%" PRIu64 ",\"plays_per_second\":%.1f,", sum->plays,
               (double)sum->plays / sum->seconds);
    }
    printf("\"errors\":%" PRIu64 ",\"latency_us\":{", sum->errors);
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
        printf("\"%s\":%" PRIu64 ",", quantiles[i].name,
               histogram_quantile(&sum->latency, quantiles[i].q));
    }
    printf("\"max\":%" PRIu64 "}}\n", sum->latency.max);
}

static void print_text(const arguments *a, const bench_result *sum)
{
    printf("%" PRIu64 " requests in %.1f s, %.0f/s", sum->requests, sum->seconds,
           (double)sum->requests / sum->seconds);
    if (strcmp(a->work, "batch") == 0) {
        printf(", %.0f plays/s", (double)sum->plays / sum->seconds);
    }
    printf(", %" PRIu64 " errors\nlatency in ms:", sum->errors);
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
        printf(" %s %.3f", quantiles[i].name,
               (double)histogram_quantile(&sum->latency, quantiles[i].q) / 1000);
    }
    printf(" max %.3f\n", (double)sum->latency.max / 1000);
}

/* What the load's errors make of the exit status; the first is said. */
static exit_status say_errors(const bench_result *r)
{
    if (interrupted) {
        return EXIT_INTERRUPTED;
    }
    if (!r->errors) {
        return EXIT_DONE;
    }
    say("%s", r->first.sentence);
    return r->requests ? EXIT_PARTLY : exit_of(&r->first);
}

/* As many open files as may be. */
static void raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static exit_status bench_once(const arguments *a)
{
    static bench_result result;
    exit_status status = bench_load(a, a->connections, &result);

    if (status != EXIT_DONE) {
        return status;
    }
    if (a->json) {
        print_json(a, &result);
    }
    else {
        print_text(a, &result);
    }
    return finish_output(say_errors(&result));
}

/* The numbers of users, from --users; how many, 0: it is not a list. */
static size_t read_users(const char *list, uint64_t users[CYCLES])
{
    char item[24];

    for (size_t n = 0; n < CYCLES; n++) {
        size_t length = strcspn(list, ",");
        if (length >= sizeof(item)) {
            return 0;
        }
        memcpy(item, list, length);
        item[length] = '\0';
        if (parse_number(item, 1, USERS_MAX, &users[n])) {
            return 0;
        }
        if (!list[length]) {
            return n + 1;
        }
        list += length + 1;
    }
    return 0;
}

/* One after the other; the first failures decide the exit status. */
static exit_status run_cycles(bench_report *report, const uint64_t *users, size_t n)
{
    const arguments *a = report->a;
    exit_status status = EXIT_DONE;

    if (!a->json) {
        bench_report_head();
    }
    while (report->n < n && !interrupted) {
        bench_result *cycle = &report->cycles[report->n];
        exit_status loaded = bench_load(a, users[report->n], cycle);
        if (loaded != EXIT_DONE) {
            return loaded;
        }
        report->n++;
        if (!a->json) {
            bench_report_line(cycle);
            fflush(stdout);
        }
        exit_status errors = say_errors(cycle);
        status = status == EXIT_DONE ? errors : status;
    }
    return interrupted ? EXIT_INTERRUPTED : status;
}

static exit_status bench_cycles(const arguments *a)
{
    uint64_t users[CYCLES];
    size_t n = read_users(a->users, users);

    if (!n) {
        return say_usage(
            "--users=%s: it must be numbers from 1 to 10000, as 1,10,100",
            a->users);
    }
    bench_report report = {.a = a, .cycles = calloc(n, sizeof(*report.cycles))};
    if (!report.cycles) {
        say("no memory");
        return EXIT_FILE;
    }
    exit_status status = run_cycles(&report, users, n);
    if (a->json && report.n) {
        bench_report_json(&report);
    }
    if (a->report && report.n) {
        exit_status written = bench_report_page(&report, a->report);
        status = status == EXIT_DONE ? written : status;
    }
    free(report.cycles);
    return finish_output(status);
}

exit_status command_bench(const arguments *a)
{
    if (a->page && strcmp(a->work, "get") != 0) {
        return say_usage("--page and --work=%s exclude each other", a->work);
    }
    if (!a->users && (a->report || a->think > 0)) {
        return say_usage("--report and --think go with --users");
    }
    raise_files();
    catch_signals();
    return a->users ? bench_cycles(a) : bench_once(a);
}
