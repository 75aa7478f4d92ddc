/* What came of several cycles, as text, as JSON, and as a page. */
#ifndef PLAYCOUNT_COMMAND_BENCHREPORT_H
#define PLAYCOUNT_COMMAND_BENCHREPORT_H

#include "client/command/benchload.h"

typedef struct {
    const arguments *a;
    bench_result *cycles;
    size_t n;
} bench_report;

void bench_report_head(void); /* of the table */
void bench_report_line(const bench_result *cycle);
void bench_report_json(const bench_report *report);

/* One self-contained HTML file with SVG plots. Not EXIT_DONE: the reason was
 * printed. */
exit_status bench_report_page(const bench_report *report, const char *path);

#endif
