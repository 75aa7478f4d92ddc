/* One line of progress. See progress.h. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "client/command/progress.h"
#include "client/wire.h"

static struct {
    bool on, visible;
    const char *noun;
    uint64_t total, first_bytes, first_things;
    int64_t began, shown;
    bool started;
} line;

void progress_begin(const char *noun, uint64_t total_bytes, bool quiet)
{
    line.on = !quiet && isatty(STDERR_FILENO);
    line.noun = noun;
    line.total = total_bytes;
    line.began = playcount_now_ms();
    line.shown = 0;
    line.started = false;
}

void progress_at(uint64_t bytes, uint64_t things)
{
    int64_t now = playcount_now_ms();

    if (!line.on || now - line.shown < 200) {
        return;
    }
    if (!line.started) {
        line.first_bytes = bytes;
        line.first_things = things;
        line.began = now;
        line.started = true;
    }
    double seconds = (double)(now - line.began) / 1000;
    double rate = seconds > 0 ? (double)(things - line.first_things) / seconds : 0;
    fprintf(stderr, "\r\033[K");
    if (line.total) {
        fprintf(stderr, "%5.1f%%  ", 100.0 * (double)bytes / (double)line.total);
    }
    fprintf(stderr, "%" PRIu64 " %s, %.0f/s", things, line.noun, rate);
    double speed = seconds > 0 ? (double)(bytes - line.first_bytes) / seconds : 0;
    if (line.total > bytes && speed > 0) {
        fprintf(stderr, ", %.0f s left", (double)(line.total - bytes) / speed);
    }
    fflush(stderr);
    line.shown = now;
    line.visible = true;
}

void progress_clear(void)
{
    if (line.visible) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
        line.visible = false;
    }
}
