/* Reports of cycles. See benchreport.h.
 *
 * The page has no script and asks for nothing: a table, and plots drawn as SVG, in
 * the colours of the reader's system, readable by a screen reader through the
 * table.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "client/command/benchreport.h"
#include "client/command/statefile.h"

static double ms(const bench_result *c, double q)
{
    return (double)histogram_quantile(&c->latency, q) / 1000;
}

static double rate(const bench_result *c)
{
    return c->seconds > 0 ? (double)c->requests / c->seconds : 0;
}

static double average(const bench_result *c)
{
    return c->requests ? (double)c->took / (double)c->requests / 1000 : 0;
}

static double failed(const bench_result *c)
{
    uint64_t all = c->requests + c->errors;
    return all ? 100 * (double)c->errors / (double)all : 0;
}

static double p50(const bench_result *c)
{
    return ms(c, .5);
}

static double p90(const bench_result *c)
{
    return ms(c, .9);
}

static double p95(const bench_result *c)
{
    return ms(c, .95);
}

static double p99(const bench_result *c)
{
    return ms(c, .99);
}

static double most(const bench_result *c)
{
    return (double)c->latency.max / 1000;
}

typedef double figure(const bench_result *c);

void bench_report_head(void)
{
    printf("%7s %10s %8s %9s %9s %9s %9s %9s %9s\n", "users", "requests/s",
           "failed", "average", "p50", "p90", "p95", "p99", "max (ms)");
}

void bench_report_line(const bench_result *c)
{
    printf("%7" PRIu64 " %10.1f %7.2f%% %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f\n",
           c->users, rate(c), failed(c), average(c), p50(c), p90(c), p95(c), p99(c),
           most(c));
}

void bench_report_json(const bench_report *r)
{
    printf("{\"work\":\"%s\",\"think\":%g,\"cycles\":[", r->a->work, r->a->think);
    for (size_t i = 0; i < r->n; i++) {
        const bench_result *c = &r->cycles[i];
        printf("%s{\"users\":%" PRIu64 ",\"seconds\":%.3f,\"requests\":%" PRIu64
               ",\"requests_per_second\":%.1f,\"plays\":%" PRIu64
               ",\"errors\":%" PRIu64 ",\"latency_us\":{\"average\":%.0f,\"p50\":%."
               "0f,\"p90\":%.0f,\"p95\":%.0f,"
               "\"p99\":%.0f,\"max\":%" PRIu64 "}}",
               i ? "," : "", c->users, c->seconds, c->requests, rate(c),
               strcmp(r->a->work, "get") == 0 ? 0 : c->plays, c->errors,
               1000 * average(c), 1000 * p50(c), 1000 * p90(c), 1000 * p95(c),
               1000 * p99(c), c->latency.max);
    }
    puts("]}");
}

/* --- the page --- */

static void put_html(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("&<>\"", *text)) {
            fprintf(out, "&#%d;", *text);
        }
        else {
            fputc(*text, out);
        }
    }
}

enum { WIDTH = 720, HEIGHT = 300, LEFT = 70, RIGHT = 90, TOP = 20, BOTTOM = 45 };

typedef struct {
    const char *name;
    figure *of;
} curve;

typedef struct {
    const bench_report *report;
    FILE *out;
    double top, most_users;
    double name_y[8]; /* where names of curves stand */
    int names;
} plot;

static double at_x(const plot *p, double users)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * users / p->most_users;
}

static double at_y(const plot *p, double value)
{
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / p->top;
}

/* A round number that is not below the value, with five even parts. */
static double round_up(double value)
{
    static const double round[] = {1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8, 10};
    double power = value > 0 ? pow(10, floor(log10(value))) : 1;
    size_t i = 0;

    while (i + 1 < sizeof(round) / sizeof(*round) && round[i] * power < value) {
        i++;
    }
    return round[i] * power;
}

static void put_axes(const plot *p, const char *unit)
{
    for (int i = 0; i <= 5; i++) {
        double value = p->top * i / 5;
        fprintf(p->out,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                LEFT, WIDTH - RIGHT, at_y(p, value), at_y(p, value), LEFT - 8,
                at_y(p, value) + 4, value);
    }
    double last = -100;
    for (size_t i = 0; i < p->report->n; i++) {
        double x = at_x(p, (double)p->report->cycles[i].users);
        if (fabs(x - last) >= 28) { /* numbers do not cover each other */
            fprintf(p->out,
                    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%" PRIu64
                    "</text>\n",
                    x, HEIGHT - BOTTOM + 18, p->report->cycles[i].users);
            last = x;
        }
    }
    fprintf(p->out,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">users</text>"
            "<text x=\"%d\" y=\"%d\">%s</text>\n",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, 4, 12, unit);
}

/* The height of a curve's name, clear of the names that stand already. */
static double name_height(plot *p, double y)
{
    for (int i = 0; i < p->names; i++) {
        if (fabs(p->name_y[i] - y) < 13) {
            y = p->name_y[i] - 13;
            i = -1; /* from the first again */
        }
    }
    return p->name_y[p->names++] = y;
}

static void put_curve(plot *p, const curve *c, int number)
{
    const bench_result *last = &p->report->cycles[p->report->n - 1];

    fprintf(p->out, "<polyline class=\"c%d\" points=\"", number);
    for (size_t i = 0; i < p->report->n; i++) {
        const bench_result *cycle = &p->report->cycles[i];
        fprintf(p->out, "%.1f,%.1f ", at_x(p, (double)cycle->users),
                at_y(p, c->of(cycle)));
    }
    fputs("\"/>\n", p->out);
    for (size_t i = 0; i < p->report->n; i++) {
        const bench_result *cycle = &p->report->cycles[i];
        fprintf(p->out,
                "<circle class=\"c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>%s, "
                "%" PRIu64 " users: %.4g</title></circle>\n",
                number, at_x(p, (double)cycle->users), at_y(p, c->of(cycle)),
                c->name, cycle->users, c->of(cycle));
    }
    fprintf(p->out, "<text class=\"c%d\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", number,
            at_x(p, (double)last->users) + 8,
            name_height(p, at_y(p, c->of(last)) + 4), c->name);
}

/* The cycles in the order of their users, as a curve goes from left to right. */
static void put_plot(FILE *out, const bench_report *report, const char *title,
                     const char *unit, const curve *curves, int n)
{
    plot p = {.report = report, .out = out, .most_users = 1};

    for (size_t i = 0; i < report->n; i++) {
        const bench_result *cycle = &report->cycles[i];
        p.most_users = fmax(p.most_users, (double)cycle->users);
        for (int k = 0; k < n; k++) {
            p.top = fmax(p.top, curves[k].of(cycle));
        }
    }
    p.top = round_up(p.top);
    fprintf(
        out,
        "<h2>%s</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s; the "
        "numbers are in the table\">\n",
        title, WIDTH, HEIGHT, title);
    put_axes(&p, unit);
    for (int k = 0; k < n; k++) {
        put_curve(&p, &curves[k], k);
    }
    fputs("</svg>\n", out);
}

static void put_table(FILE *out, const bench_report *r)
{
    fputs("<table>\n<thead><tr><th>users</th><th>requests</th><th>requests/s</th>"
          "<th>failed</th><th>average</th><th>p50</th><th>p90</th><th>p95</th>"
          "<th>p99</th><th>max (ms)</th></tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < r->n; i++) {
        const bench_result *c = &r->cycles[i];
        fprintf(out,
                "<tr><td>%" PRIu64 "</td><td>%" PRIu64
                "</td><td>%.1f</td><td%s>%.2f%%</td>"
                "<td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td>"
                "<td>%.3f</td></tr>\n",
                c->users, c->requests, rate(c), c->errors ? " class=\"bad\"" : "",
                failed(c), average(c), p50(c), p90(c), p95(c), p99(c), most(c));
    }
    fputs("</tbody>\n</table>\n", out);
}

static void put_what(FILE *out, const bench_report *r)
{
    char when[64];
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M %z", &tm);
    fprintf(out, "<p>%s of", r->a->work);
    for (size_t i = 0; i < playcount_servers(r->a->client); i++) {
        fputs(" <b>", out);
        put_html(out, playcount_server_name(r->a->client, i));
        put_html(out, r->a->page ? r->a->page + 1 : "");
        fputs("</b>", out);
    }
    fprintf(out, ", %g s for each number of users", r->a->seconds);
    if (r->a->think > 0) {
        fprintf(out, ", who think for %g s between two requests", r->a->think);
    }
    fprintf(out, "; threads: %" PRIu64, r->a->threads);
    if (!r->a->page) {
        fprintf(out, ", songs: %" PRIu64, r->a->songs);
    }
    fprintf(out,
            ". %s, playcount " PLAYCOUNT_VERSION
            ". Latencies are known to 1.6 %%.</p>\n",
            when);
}

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--fg:#1a1a1a;--bg:#fff;--grid:#ddd;--c0:#0b62a4;"
    "--c1:#b3470e;--c2:#1f7a36;--c3:#7a3fa0;--bad:#b00020}\n"
    "@media(prefers-color-scheme:dark){:root{--fg:#e6e6e6;--bg:#16181b;--grid:#"
    "3a3d42;"
    "--c0:#6db3f2;--c1:#f2a36d;--c2:#7fd491;--c3:#cfa2ee;--bad:#ff7b8a}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);"
    "max-width:60em;margin:2em auto;padding:0 1em}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:right;padding:.2em .8em;border-bottom:1px solid "
    "var(--grid)}\n"
    ".bad{color:var(--bad);font-weight:bold}\n"
    "svg{width:100%;height:auto;font-size:12px}\n"
    "svg text{fill:var(--fg)}\n"
    ".grid{stroke:var(--grid)}\n"
    "polyline{fill:none;stroke-width:2}\n"
    "polyline.c0{stroke:var(--c0)}circle.c0,text.c0{fill:var(--c0)}\n"
    "polyline.c1{stroke:var(--c1)}circle.c1,text.c1{fill:var(--c1)}\n"
    "polyline.c2{stroke:var(--c2)}circle.c2,text.c2{fill:var(--c2)}\n"
    "polyline.c3{stroke:var(--c3)}circle.c3,text.c3{fill:var(--c3)}\n"
    "</style>\n";

static void write_page(FILE *out, const void *context)
{
    static const curve throughput[] = {{"requests/s", rate}};
    static const curve latency[] = {
        {"p50", p50}, {"average", average}, {"p95", p95}, {"p99", p99}};
    static const curve failures[] = {{"failed", failed}};
    const bench_report *r = context;

    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n"
          "<title>playcount bench</title>\n",
          out);
    fputs(style, out);
    fputs("<h1>playcount bench</h1>\n", out);
    put_what(out, r);
    put_table(out, r);
    put_plot(out, r, "Throughput", "requests/s", throughput, 1);
    put_plot(out, r, "Latency", "ms", latency, 4);
    put_plot(out, r, "Failures", "%", failures, 1);
    fputs("</html>\n", out);
}

exit_status bench_report_page(const bench_report *report, const char *path)
{
    if (statefile_replace(path, write_page, report)) {
        say("%s could not be written: %s", path, statefile_error());
        return EXIT_FILE;
    }
    return EXIT_DONE;
}
