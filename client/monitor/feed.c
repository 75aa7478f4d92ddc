/* Asking the server. See feed.h. */
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "client/monitor/feed.h"

/* What is longer is not an answer. */
enum { ANSWER_MAX = 256 << 20 };

struct feed {
    const arguments *a;
    char *url;  /* as given, for curl */
    char *name; /* to be shown */
    CURL *easy;
    struct curl_slist *headers;
    pthread_t thread;
    bool started;
    double interval;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t wake;
    bool stop, poked, want_songs;
    char prefix[256]; /* of the songs */
    char route[1024];
    int minutes;
    double since;
    heard last;
};

/* --- one request --- */

typedef struct {
    feed *feed;
    char *text;
    size_t n, room;
} body;

static size_t on_piece(char *piece, size_t size, size_t n, void *context)
{
    body *b = context;

    n *= size;
    if (b->n + n + 1 > b->room) {
        size_t room = 2 * b->room + n + 65536;
        char *text = room > ANSWER_MAX ? NULL : realloc(b->text, room);
        if (!text) {
            return 0;
        }
        b->text = text;
        b->room = room;
    }
    memcpy(b->text + b->n, piece, n);
    b->n += n;
    b->text[b->n] = '\0';
    return n;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c,
                       curl_off_t d)
{
    feed *f = context;
    (void)a, (void)b, (void)c, (void)d;
    pthread_mutex_lock(&f->lock);
    int stop = f->stop;
    pthread_mutex_unlock(&f->lock);
    return stop || interrupted;
}

static void set_options(feed *f, body *b, const char *url, char *problem)
{
    const playcount_options *options = &f->a->conf->options;
    CURL *easy = f->easy;

    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem);
    curl_easy_setopt(easy, CURLOPT_USERAGENT,
                     "playcount-monitor/" PLAYCOUNT_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, f->headers);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, options->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, options->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_piece);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, b);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, f);
    if (options->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    }
}

static exit_status fault(heard *h, exit_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static exit_status fault(heard *h, exit_status status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(h->sentence, sizeof(h->sentence), format, values);
    va_end(values);
    return h->status = status;
}

static exit_status judge(feed *f, heard *h, CURLcode result, const char *problem)
{
    long status = 0;

    curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK) {
        return fault(h, EXIT_UNREACHED, "%s",
                     *problem ? problem : curl_easy_strerror(result));
    }
    h->password = status == 401 || status == 407;
    if (h->password) {
        return fault(h, EXIT_REFUSED,
                     "asks for a password (%ld): put user and password into the "
                     "address or into ~/.netrc",
                     status);
    }
    if (status >= 400) {
        return fault(h, EXIT_REFUSED, "answered %ld", status);
    }
    if (status != 200) {
        return fault(h, EXIT_NONSENSE, "answered %ld instead of 200", status);
    }
    return EXIT_DONE;
}

/* Get one form of the page. Not EXIT_DONE: *h says why. */
static exit_status get(feed *f, heard *h, const char *query, body *b)
{
    char problem[CURL_ERROR_SIZE] = "";
    size_t room = strlen(f->url) + strlen(query) + 2;
    char *url = malloc(room);

    *b = (body){.feed = f};
    if (!url) {
        return fault(h, EXIT_FILE, "no memory");
    }
    snprintf(url, room, "%s%c%s", f->url, strchr(f->url, '?') ? '&' : '?', query);
    set_options(f, b, url, problem);
    exit_status status = judge(f, h, curl_easy_perform(f->easy), problem);
    free(url);
    return status;
}

static void parse(feed *f, heard *h, const body *b)
{
    json_error_t error;
    const char *type = NULL;

    curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type);
    h->json = json_loadb(b->text ? b->text : "", b->n, 0, &error);
    if (!h->json || !json_is_array(json_object_get(h->json, "zones"))) {
        json_decref(h->json);
        h->json = NULL;
        fault(h, EXIT_NONSENSE,
              "is not a playcount-metrics location, its answer is %s",
              type ? type : "of no type");
    }
}

/* The songs of each zone. */
static void ask_songs(feed *f, heard *h, const char *prefix)
{
    json_t *zones = json_object_get(h->json, "zones"), *zone;
    size_t i;

    json_array_foreach(zones, i, zone)
    {
        const char *name = json_string_value(json_object_get(zone, "zone"));
        char *escaped = name ? curl_easy_escape(f->easy, name, 0) : NULL;
        char *begin = curl_easy_escape(f->easy, prefix, 0);
        char *query = NULL;
        heard ignored = {.number = 0};
        body b = {.text = NULL};

        if (escaped && begin &&
            asprintf(&query, "format=songs&zone=%s&top=100&prefix=%s", escaped,
                     begin) > 0 &&
            get(f, &ignored, query, &b) == EXIT_DONE) {
            json_t *answer = json_loadb(b.text ? b.text : "", b.n, 0, NULL);
            json_t *songs = json_object_get(answer, "songs");
            if (json_is_array(songs)) {
                json_object_set(zone, "top", songs);
                json_object_set(zone, "top_time", json_object_get(answer, "time"));
            }
            json_decref(answer);
        }
        free(b.text);
        free(query);
        curl_free(begin);
        curl_free(escaped);
    }
}

static void ask(feed *f, heard *h)
{
    char prefix[sizeof(f->prefix)], route[sizeof(f->route)], *query = NULL;
    body b = {.text = NULL};

    memset(h, 0, sizeof(*h));
    pthread_mutex_lock(&f->lock);
    int minutes = f->minutes;
    double since = f->since;
    bool want_songs = f->want_songs;
    strcpy(prefix, f->prefix);
    strcpy(route, f->route);
    pthread_mutex_unlock(&f->lock);
    char *escaped = curl_easy_escape(f->easy, route, 0);
    if (!escaped ||
        asprintf(&query, "format=live&window=1&minutes=%d&since=%.6f%s%s", minutes,
                 since, *route ? "&route=" : "", escaped) < 0) {
        query = NULL;
        fault(h, EXIT_FILE, "no memory");
    }
    else if (get(f, h, query, &b) == EXIT_DONE) {
        parse(f, h, &b);
    }
    free(query);
    curl_free(escaped);
    free(b.text);
    if (h->json && want_songs) {
        ask_songs(f, h, prefix);
    }
}

/* --- the thread --- */

static void add_seconds(struct timespec *t, double seconds)
{
    t->tv_sec += (time_t)seconds;
    t->tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (t->tv_nsec >= 1000000000) {
        t->tv_sec++;
        t->tv_nsec -= 1000000000;
    }
}

static void keep(feed *f, const heard *h)
{
    uint64_t number = f->last.number + 1;
    heard_free(&f->last);
    f->last = *h;
    f->last.number = number;
}

/* Seconds from one request to the next, after a good answer that took so long. */
static double pause_after(const feed *f, const heard *h, double took)
{
    double every =
        f->interval > 0
            ? f->interval
            : json_number_value(json_object_get(json_object_get(h->json, "metrics"),
                                                "interval_seconds"));

    every = every < 0.1 ? 0.1 : every > 10 ? 10 : every;
    if (f->interval <= 0 && every < 20 * took) {
        every = 20 * took;
    }
    return every;
}

static void *run(void *context)
{
    feed *f = context;
    double pause = 1;

    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        struct timespec until;
        heard h;

        clock_gettime(CLOCK_MONOTONIC, &until);
        f->poked = false;
        int64_t began = playcount_now_ms();
        pthread_mutex_unlock(&f->lock);
        ask(f, &h);
        double took = (double)(playcount_now_ms() - began) / 1000;
        pthread_mutex_lock(&f->lock);
        pause = h.status == EXIT_DONE ? pause_after(f, &h, took)
                : pause < 5           ? pause + 1
                                      : pause;
        h.every = pause;
        keep(f, &h);
        add_seconds(&until, pause);
        while (!f->stop && !f->poked &&
               pthread_cond_timedwait(&f->wake, &f->lock, &until) == 0) {
        }
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* --- from outside --- */

/* The address as it is shown: the user and the password are not. */
static char *name_of(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    size_t n = strcspn(host, "/?#");
    const char *at = NULL;

    for (size_t i = 0; i < n; i++) {
        at = host[i] == '@' ? host + i : at;
    }
    char *name = malloc(strlen(url) + 1);
    if (name) {
        sprintf(name, "%.*s%s", (int)(host - url), url, at ? at + 1 : host);
    }
    return name;
}

feed *feed_open(const arguments *a, const char *url)
{
    feed *f = calloc(1, sizeof(*f));
    pthread_condattr_t monotonic;

    if (!f) {
        return NULL;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    f->a = a;
    f->minutes = 5;
    f->url = strdup(url);
    f->name = name_of(url);
    f->easy = curl_easy_init();
    f->headers =
        curl_slist_append(NULL, "Accept: application/json, text/plain;q=0.5");
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!f->url || !f->name || !f->easy || !f->headers) {
        feed_close(f);
        return NULL;
    }
    char *fragment = strchr(f->url, '#');
    if (fragment) {
        *fragment = '\0';
    }
    return f;
}

void feed_ask(feed *f, const char *route, int minutes, double since)
{
    pthread_mutex_lock(&f->lock);
    if (f->minutes != minutes || strcmp(f->route, route) != 0) {
        f->poked = true;
        pthread_cond_signal(&f->wake);
    }
    snprintf(f->route, sizeof(f->route), "%s", route);
    f->minutes = minutes;
    f->since = since;
    pthread_mutex_unlock(&f->lock);
}

void feed_want_songs(feed *f, const char *prefix)
{
    pthread_mutex_lock(&f->lock);
    if (prefix && (!f->want_songs || strcmp(f->prefix, prefix) != 0)) {
        f->poked = true;
        pthread_cond_signal(&f->wake);
    }
    f->want_songs = prefix != NULL;
    snprintf(f->prefix, sizeof(f->prefix), "%s", prefix ? prefix : "");
    pthread_mutex_unlock(&f->lock);
}

void feed_once(feed *f, heard *h)
{
    ask(f, h);
    h->number = 1;
}

int feed_start(feed *f, double interval)
{
    sigset_t all, before;

    f->interval = interval;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    f->started = pthread_create(&f->thread, NULL, run, f) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return f->started ? 0 : -1;
}

bool feed_heard(feed *f, heard *h)
{
    pthread_mutex_lock(&f->lock);
    bool fresh = f->last.number != h->number;
    if (fresh) {
        heard_free(h);
        *h = f->last; /* and what it owns */
        f->last.json = NULL;
    }
    pthread_mutex_unlock(&f->lock);
    return fresh;
}

void heard_free(heard *h)
{
    json_decref(h->json);
    h->json = NULL;
}

const char *feed_name(const feed *f)
{
    return f->name;
}

void feed_close(feed *f)
{
    if (!f) {
        return;
    }
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    if (f->started) {
        pthread_join(f->thread, NULL);
    }
    heard_free(&f->last);
    curl_slist_free_all(f->headers);
    curl_easy_cleanup(f->easy);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    free(f->url);
    free(f->name);
    free(f);
    curl_global_cleanup();
}
