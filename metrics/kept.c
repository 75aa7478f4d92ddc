/* Values that are computed once for all: see kept.h. */

#include "metrics/kept.h"

#include <stdlib.h>
#include <time.h>

#include "apr_strings.h"
#include "http_log.h"

#include "metrics/live_series.h"
#include "metrics/songs.h"
#include "server/retained.h"
#include "server/watchdog.h"
#include "shm/figures/board.h"

APLOG_USE_MODULE(playcount);

#define LAYOUT "1"  /* of the board and its values */
#define TASK "live" /* its name, for log and metrics */

/* A value is good for so many times as long as it cost: rows, rates and a window
 * never take more than a six-hundredth of a processor each, songs and use not half
 * of that: what one page asks for is less than half a percent together. */
#define WORTH_OF_METRICS 600
#define WORTH_OF_ZONES 1500

#define LONG_ENOUGH apr_time_from_sec(10)
#define WITHOUT_INTERVALS apr_time_from_sec(1) /* where nothing is measured */

static playcount_board board; /* .memory is NULL without one */
static server_rec *server;

/* --- keys --- */

playcount_kept_key playcount_kept_of_metrics(playcount_kept_kind kind,
                                             unsigned minutes, int route)
{
    playcount_kept_key key;

    memset(&key, 0, sizeof(key));
    key.of = playcount_metrics_segment->header->started;
    key.kind = kind;
    key.minutes = (int32_t)minutes;
    key.route = route;
    return key;
}

playcount_kept_key playcount_kept_of_zone(playcount_kept_kind kind,
                                          playcount_zone *zone, const char *prefix)
{
    playcount_kept_key key;
    size_t length = prefix ? strlen(prefix) : 0;

    memset(&key, 0, sizeof(key));
    key.of = playcount_zone_identity(zone);
    key.kind = kind;
    key.length = (int32_t)(length < sizeof(key.prefix) ? length : 0);
    if (length) {
        memcpy(key.prefix, prefix, (size_t)key.length);
    }
    return key;
}

static playcount_zone *zone_of(const playcount_kept_key *key)
{
    const apr_array_header_t *zones = playcount_zones(server);

    for (int i = 0; zones && i < zones->nelts; i++) {
        const playcount_served_zone *zone =
            APR_ARRAY_IDX(zones, i, const playcount_served_zone *);

        if (playcount_zone_is_available(zone) &&
            playcount_zone_identity(zone->zone) == key->of) {
            return zone->zone;
        }
    }
    return NULL;
}

static int is_of_zone(const playcount_kept_key *key)
{
    return key->kind >= PLAYCOUNT_KEPT_USE;
}

/* --- computing --- */

static void *compute_use(playcount_zone *zone, size_t *bytes)
{
    playcount_kept_use *use = malloc(sizeof(*use));

    if (use) {
        playcount_zone_usage(zone, &use->zone);
        playcount_handoff_usage(zone, &use->handoff);
        *bytes = sizeof(*use);
    }
    return use;
}

static void *compute_of_zone(const playcount_kept_key *key, size_t *bytes)
{
    playcount_zone *zone = zone_of(key);
    void *value;

    if (!zone || key->length < 0 || key->length > PLAYCOUNT_ID_MAX) {
        return NULL;
    }
    value = key->kind == PLAYCOUNT_KEPT_USE
                ? compute_use(zone, bytes)
                : playcount_compute_songs(zone, key->prefix, (size_t)key->length,
                                          bytes);
    if (playcount_zone_failed(zone)) { /* meanwhile */
        free(value);
        return NULL;
    }
    return value;
}

static void *compute_of_metrics(const playcount_kept_key *key, size_t *bytes)
{
    const playcount_segment *seg = playcount_metrics_segment;

    if (!seg || seg->header->started != key->of || key->minutes < 0 ||
        key->minutes > 60) {
        return NULL;
    }
    switch (key->kind) {
    case PLAYCOUNT_KEPT_ROWS:
        return playcount_live_compute_rows((unsigned)key->minutes, bytes);
    case PLAYCOUNT_KEPT_RATES:
        return playcount_live_compute_rates(bytes);
    case PLAYCOUNT_KEPT_WINDOW:
        return playcount_live_compute_window((unsigned)key->minutes, key->route,
                                             bytes);
    default:
        return NULL;
    }
}

/* How many intervals have been written: a value is new as long as there is no other
 * one. */
static uint64_t intervals(void)
{
    uint64_t first, end = 0;

    if (playcount_metrics_segment) {
        playcount_series_range(playcount_metrics_segment->series, &first, &end);
    }
    return end;
}

/* µs of the processor that this thread has had. */
static uint64_t spent(void)
{
    struct timespec t = {0, 0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Compute it now, for everybody. Malloc'd. */
static void *compute(const playcount_kept_key *key, size_t *bytes,
                     playcount_board_facts *facts)
{
    uint64_t before = spent();
    void *value;

    facts->stamp = intervals();
    facts->made = (uint64_t)apr_time_now();
    value = is_of_zone(key) ? compute_of_zone(key, bytes)
                            : compute_of_metrics(key, bytes);
    facts->cost = spent() - before;
    if (value && board.memory) {
        playcount_board_write(&board, key, (uint64_t)apr_time_now(), value, *bytes,
                              facts);
    }
    return value;
}

/* --- how long a value is good --- */

static apr_time_t interval(void)
{
    return playcount_metrics_segment
               ? apr_time_from_sec(playcount_metrics_global->interval)
               : WITHOUT_INTERVALS;
}

static apr_time_t worth(const playcount_kept_key *key,
                        const playcount_board_facts *facts)
{
    return (apr_time_t)facts->cost *
           (is_of_zone(key) ? WORTH_OF_ZONES : WORTH_OF_METRICS);
}

/* For so long after somebody asked for it, a value is kept new. */
static apr_time_t patience(void)
{
    return 3 * interval() > LONG_ENOUGH ? 3 * interval() : LONG_ENOUGH;
}

static int is_due(const playcount_kept_key *key, const playcount_board_facts *facts,
                  apr_time_t now)
{
    apr_time_t age = now - (apr_time_t)facts->made;

    return age < 0 || (age >= worth(key, facts) &&
                       (facts->stamp != intervals() || age >= interval()));
}

/* Older than the keeper would let it become. */
static int is_too_old(const playcount_kept_key *key,
                      const playcount_board_facts *facts, apr_time_t now)
{
    apr_time_t age = now - (apr_time_t)facts->made, most = worth(key, facts);

    most = (most > interval() ? most : interval()) + apr_time_from_sec(2);
    return age < 0 || age > (most > patience() ? most : patience());
}

const void *playcount_kept_get(request_rec *r, const playcount_kept_key *key,
                               size_t *bytes, apr_time_t *made)
{
    apr_time_t now = apr_time_now();
    playcount_board_facts facts;
    size_t length = 0;
    void *computed = NULL, *value;

    value = board.memory ? playcount_board_read(&board, key, (uint64_t)now, r->pool,
                                                &length, &facts)
                         : NULL;
    if (!value || is_too_old(key, &facts, now)) {
        computed = compute(key, &length, &facts);
        value = computed ? apr_pmemdup(r->pool, computed, length) : NULL;
        free(computed);
    }
    if (bytes) {
        *bytes = length;
    }
    if (made && value) {
        *made = (apr_time_t)facts.made;
    }
    return value;
}

/* --- the keeper --- */

static apr_status_t keep(int state, void *data, apr_pool_t *pool)
{
    (void)data, (void)pool;
    for (unsigned i = 0;
         state == AP_WATCHDOG_STATE_RUNNING && i < PLAYCOUNT_BOARD_SLOTS; i++) {
        apr_time_t now = apr_time_now();
        playcount_board_facts facts;
        playcount_kept_key key;
        uint64_t wanted;
        size_t bytes;

        if (playcount_board_look(&board, i, &key, &facts, &wanted) &&
            now - (apr_time_t)wanted < patience() && is_due(&key, &facts, now)) {
            free(compute(&key, &bytes, &facts));
        }
    }
    return APR_SUCCESS;
}

void playcount_kept_start(server_rec *s, apr_pool_t *p)
{
    const apr_array_header_t *zones = playcount_zones(s);
    unsigned routes =
        playcount_metrics_segment ? playcount_metrics_segment->count : 0;
    void *memory;
    char key[64];
    int fresh;

    board.memory = NULL;
    server = s;
    if (!routes && (!zones || !zones->nelts)) {
        return;
    }
    board.key = sizeof(playcount_kept_key);
    board.value = PLAYCOUNT_LIVE_VALUE + routes * (size_t)PLAYCOUNT_LIVE_ROUTE;
    apr_snprintf(key, sizeof(key), LAYOUT "-%u", routes);
    if (!playcount_watch_is_possible() ||
        playcount_retained_memory(s, "live", key,
                                  playcount_board_size(board.key, board.value),
                                  &memory, &fresh) != APR_SUCCESS) {
        return; /* each request computes for itself */
    }
    playcount_retained_only("live", key);
    board.memory = memory;
    if (playcount_watch(TASK, PLAYCOUNT_WATCH_ONE_CHILD, AP_WD_TM_SLICE, keep, NULL,
                        s, p) != APR_SUCCESS) {
        board.memory = NULL;
    }
}
