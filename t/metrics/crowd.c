/* Many requests in one interval, sent to a statsd by the files that send them:
 *
 *     crowd PORT REQUESTS [packed=off] [hurry]
 *
 * Prints, for each name, what the requests were: `name count sum median upper_95`,
 * in the units that are sent; then `datagrams N`, `seconds S` and `shared N`. Says
 * on stderr what the error log would. Waits for the receiver to read, so that
 * nothing is lost on a busy machine, unless it is to hurry as a server does. Not a
 * test by itself: t/metrics/statsd.t. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "metrics/statsd.h"

#include "ap_mpm.h"
#include "http_log.h"
#include "apr_general.h"

#include "server/watchdog.h"

static unsigned route;

/* --- what the files need of the rest --- */

module AP_MODULE_DECLARE_DATA playcount_module;
const playcount_segment *playcount_metrics_segment;
const playcount_metrics_server *playcount_metrics_global;

static ap_watchdog_callback_fn_t *watchdog;
static int port, hurry;

apr_status_t playcount_watch(const char *name, playcount_watch_where who,
                             apr_interval_time_t interval,
                             ap_watchdog_callback_fn_t *callback, const void *data,
                             server_rec *s, apr_pool_t *p)
{
    (void)name, (void)who, (void)interval, (void)s, (void)p;
    watchdog = callback;
    return APR_SUCCESS;
}

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s, const char *format,
                   ...)
{
    va_list args;

    (void)file, (void)line, (void)module_index, (void)level, (void)status;
    va_start(args, format);
    fprintf(stderr, "%s\n", apr_pvsprintf(s->process->pool, format, args));
    va_end(args);
}

apr_status_t ap_mpm_query(int code, int *result)
{
    (void)code;
    *result = AP_MPMQ_RUNNING;
    return APR_SUCCESS;
}

/* Bytes that the receiver has not read, -1 if there is none. */
static long unread(void)
{
    char line[512];
    long found = -1;
    FILE *f = fopen("/proc/net/udp", "r");

    while (f && fgets(line, sizeof(line), f)) {
        unsigned local, queue;

        if (sscanf(line, " %*d: %*8x:%4x %*x:%*x %*x %*x:%8x", &local, &queue) ==
                2 &&
            (int)local == port) {
            found = queue;
        }
    }
    if (f) {
        fclose(f);
    }
    return found;
}

/* The pause between two groups of datagrams. */
void apr_sleep(apr_interval_time_t t)
{
    usleep((useconds_t)t);
    for (int i = 0; !hurry && unread() > 0 && i < 60000; i++) {
        usleep(1000);
    }
}

/* --- requests --- */

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Most are quick and small; one in twenty is neither. */
static void fill(uint64_t *value[PLAYCOUNT_FIGURES], uint64_t requests)
{
    uint64_t random = 88172645463325252u;

    for (uint64_t i = 0; i < requests; i++) {
        uint64_t v[PLAYCOUNT_FIGURES];
        int slow;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        slow = random % 20 == 0;
        v[PLAYCOUNT_OUTPUT_TIME] = 7 + random % 60;
        v[PLAYCOUNT_APPLICATION_TIME] =
            v[PLAYCOUNT_OUTPUT_TIME] + 150 + random / 64 % (slow ? 900000 : 400);
        v[PLAYCOUNT_REQUEST_TIME] = v[PLAYCOUNT_APPLICATION_TIME] + 20 + random % 9;
        v[PLAYCOUNT_OUTPUT_BLOCKS] = slow ? random / 128 % 40 : 1;
        v[PLAYCOUNT_OUTPUT_LENGTH] = slow ? random / 256 % 3000000 : 4;
        for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
            value[f][i] = v[f];
        }
        playcount_figures_add(
            &playcount_metrics_segment->figures[route],
            playcount_cell(PLAYCOUNT_METHOD_GET, 1, PLAYCOUNT_COMPLETE), v);
    }
}

static void print(uint64_t *value[PLAYCOUNT_FIGURES], uint64_t n)
{
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        double scale = f <= PLAYCOUNT_OUTPUT_TIME ? 1000 : 1, sum = 0, median;

        qsort(value[f], n, sizeof(uint64_t), by_value);
        for (uint64_t i = 0; i < n; i++) {
            sum += (double)value[f][i];
        }
        median = n % 2 ? (double)value[f][n / 2]
                       : (double)(value[f][n / 2 - 1] + value[f][n / 2]) / 2;
        printf("%s %lu %.3f %.4f %.3f\n", playcount_figure_names[f],
               (unsigned long)n, sum / scale, median / scale,
               (double)value[f][(n * 95 + 50) / 100 - 1] / scale);
    }
}

int main(int argc, char **argv)
{
    static const playcount_segment_shape shape = {1, 1, 1, 1, 1};
    static const uint64_t key[2] = {1, 2};
    playcount_segment segment;
    playcount_statsd_conf conf = {
        .host = "127.0.0.1", .prefix = "crowd", .interval = 1, .packed = 1};
    playcount_metrics_server global = {.statsd = &conf};
    uint64_t requests, *value[PLAYCOUNT_FIGURES];
    process_rec process = {.pool = NULL};
    server_rec server = {.process = &process, .log.level = APLOG_INFO};
    struct timespec from, to;
    apr_pool_t *pool;
    char name[PLAYCOUNT_LABEL_MAX + 1];
    int refused;

    if (argc < 3) {
        return 2;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    process.pool = pool;
    port = atoi(argv[1]);
    conf.port = (apr_port_t)port;
    requests = strtoull(argv[2], NULL, 10);
    for (int i = 3; i < argc; i++) {
        conf.packed = conf.packed && strcmp(argv[i], "packed=off");
        hurry = hurry || !strcmp(argv[i], "hurry");
    }
    playcount_segment_map(&segment, calloc(1, playcount_segment_size(&shape)),
                          &shape);
    playcount_segment_init(&segment, &shape, key, 1);
    playcount_metrics_segment = &segment;
    playcount_metrics_global = &global;
    /* The whole and this route: both are sent. */
    route = playcount_routes_find(segment.routes, name,
                                  playcount_label_clean(name, "route"), &refused);
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        value[f] = malloc(requests * sizeof(uint64_t));
    }
    playcount_statsd_start(&server, pool);
    watchdog(AP_WATCHDOG_STATE_STARTING, &server, pool);
    fill(value, requests);
    clock_gettime(CLOCK_MONOTONIC, &from);
    watchdog(AP_WATCHDOG_STATE_STOPPING, &server, pool);
    clock_gettime(CLOCK_MONOTONIC, &to);
    print(value, requests);
    printf("datagrams %lu\nseconds %.3f\nshared %lu\n",
           (unsigned long)segment.header->statsd_datagrams,
           (double)(to.tv_sec - from.tv_sec) +
               (double)(to.tv_nsec - from.tv_nsec) / 1e9,
           (unsigned long)segment.header->statsd_shared);
    return 0;
}
