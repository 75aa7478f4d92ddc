/* playcount monitor: what a playcount-metrics location knows, live in a terminal,
 * or one screen of it (--once), or as JSON (--json).
 *
 *     feed (thread) -- heard --> model --> views --> canvas --> screen, or stdout
 *                                  ^         ^
 *                                  +- keys --+  what is chosen
 */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/monitor/keys.h"
#include "client/monitor/screen.h"

typedef struct {
    const arguments *a;
    feed *feed;
    model *model;
    canvas canvas;
    choices chosen;
    heard last;
    double heard_at;
} monitor;

static double wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void draw(monitor *m)
{
    circumstances how = {.name = feed_name(m->feed),
                         .sentence = m->last.sentence,
                         .password = m->last.password,
                         .now = wall_clock(),
                         .heard = m->heard_at,
                         .asked_every = m->last.every};

    views_draw(&m->canvas, m->model, &m->chosen, &how);
}

/* Take in what was heard. */
static void take(monitor *m)
{
    if (m->last.json) {
        m->heard_at = wall_clock();
        model_take(m->model, m->last.json, m->heard_at);
        m->last.json = NULL;
    }
}

/* What is to be asked for next. */
static void ask_next(monitor *m)
{
    const choices *chosen = &m->chosen;

    feed_ask(m->feed, chosen->route, chosen->minutes,
             model_since(m->model, chosen->route, chosen->minutes));
    feed_want_songs(m->feed, chosen->view == VIEW_SONGS ? chosen->filter : NULL);
}

/* --- one screen, or JSON --- */

static exit_status failed(const monitor *m)
{
    say("%s: %s", feed_name(m->feed), m->last.sentence);
    return interrupted ? EXIT_INTERRUPTED : m->last.status;
}

static void put_rates(json_t *object, double requests, double errors,
                      double aborted)
{
    bool known = requests >= 0;
    json_object_set_new(object, "requests_per_second",
                        known ? json_real(requests) : json_null());
    json_object_set_new(object, "errors_per_second",
                        known ? json_real(errors) : json_null());
    json_object_set_new(object, "aborted_per_second",
                        known ? json_real(aborted) : json_null());
}

static exit_status print_json(const monitor *m)
{
    json_t *all = json_object(), *rates = json_object(), *of_routes = json_object();
    size_t n;
    const model_route *routes = model_routes(m->model, &n);
    int past_n;
    const model_moment *past = model_past(m->model, &past_n);

    if (past_n) {
        const model_moment *last = &past[past_n - 1];
        put_rates(rates, last->requests, last->errors, last->aborted);
    }
    for (size_t i = 0; i < n; i++) {
        json_t *one = json_object();
        put_rates(one, routes[i].value[MODEL_RATE], routes[i].error_rate,
                  routes[i].aborted_rate);
        json_object_set_new(of_routes, routes[i].name, one);
    }
    json_object_set_new(rates, "routes", of_routes);
    json_object_set_new(all, "url", json_string(feed_name(m->feed)));
    json_object_set_new(all, "rates", rates);
    json_object_set(all, "server", (json_t *)model_answer(m->model));
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
    return finish_output(EXIT_DONE);
}

static int environment_number(const char *name, int otherwise)
{
    const char *text = getenv(name);
    int value = text ? atoi(text) : 0;
    return value > 0 ? value : otherwise;
}

static exit_status once(monitor *m)
{
    ask_next(m);
    feed_once(m->feed, &m->last);
    if (m->last.status != EXIT_DONE) {
        return failed(m);
    }
    take(m);
    if (m->a->json) {
        return print_json(m);
    }
    if (canvas_resize(&m->canvas, environment_number("COLUMNS", 80),
                      environment_number("LINES", 40))) {
        say("no memory");
        return EXIT_FILE;
    }
    draw(m);
    canvas_dump(&m->canvas, stdout);
    return finish_output(EXIT_DONE);
}

/* --- live --- */

static void listen_to_feed(monitor *m)
{
    const choices *chosen = &m->chosen;
    bool fresh = feed_heard(m->feed, &m->last);

    if (fresh && chosen->paused &&
        model_since(m->model, chosen->route, chosen->minutes) > 0) {
        /* What comes meanwhile is in the series later. */
        m->heard_at = m->last.json ? wall_clock() : m->heard_at;
        heard_free(&m->last);
        return;
    }
    if (fresh) {
        take(m);
        ask_next(m);
    }
}

static exit_status live(monitor *m)
{
    wchar_t character = 0;
    screen_key key = ON_NOTHING;

    ask_next(m);
    if (feed_start(m->feed, m->a->interval)) {
        say("a thread could not be started");
        return EXIT_FILE;
    }
    const char *wrong = screen_open(&m->canvas);
    if (wrong) {
        screen_close();
        say("%s", wrong);
        return EXIT_USAGE;
    }
    while (!interrupted &&
           keys_take(&m->chosen, key, character, m->canvas.height)) {
        if (key != ON_NOTHING) {
            ask_next(m);
        }
        listen_to_feed(m);
        model_hold_slow(m->model, m->chosen.held);
        draw(m);
        screen_show(&m->canvas, m->chosen.plain);
        key = screen_wait(&m->canvas, 200, &character);
    }
    screen_close();
    return interrupted ? EXIT_INTERRUPTED : EXIT_DONE;
}

exit_status command_monitor(const arguments *a)
{
    monitor m = {.a = a,
                 .chosen = {.minutes = 5, .sort = 1, .moment = -1},
                 .last = {.every = 1}};
    const char *url = a->words_n ? a->words[0] : a->conf->metrics;
    bool is_live = !a->once && !a->json;

    if (!url) {
        return say_usage(
            "which metrics? Say the URL of a playcount-metrics location, or "
            "set PLAYCOUNT_METRICS, or put metrics = URL into "
            "~/.config/playcount/config");
    }
    setlocale(LC_CTYPE, "");
    m.canvas.ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    if (is_live && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))) {
        return say_usage(
            "this is not a terminal; say --once for one screen, or --json");
    }
    catch_signals();
    m.feed = feed_open(a, url);
    m.model = model_new();
    exit_status status = EXIT_FILE;
    if (m.feed && m.model) {
        status = is_live ? live(&m) : once(&m);
    }
    else {
        say("no memory");
    }
    feed_close(m.feed);
    heard_free(&m.last);
    model_free(m.model);
    canvas_free(&m.canvas);
    return status;
}
