/* What the recorder shows of itself: to metrics/, and in mod_status. */

#include "recorder/shown.h"

#include "recorder/recorder.h"

#include "apr_optional_hooks.h"
#include "apr_strings.h"
#include "http_protocol.h"
#include "mod_status.h"

#include "shm/figures/label.h"

/* A path is bytes; what is no UTF-8 becomes a question mark. */
static const char *as_text(apr_pool_t *p, const char *path)
{
    char *text = apr_pstrdup(p, path), *at = text;

    while (*at) {
        size_t n = playcount_utf8_length(at);

        if (!n) {
            *at = '?';
        }
        at += n ? n : 1;
    }
    return text;
}

/* Several virtual hosts may record into one directory. */
static int is_first(int number)
{
    for (int i = 0; i < number; i++) {
        if (APR_ARRAY_IDX(playcount_recorders, i, playcount_recorder *)->shared ==
            APR_ARRAY_IDX(playcount_recorders, number, playcount_recorder *)
                ->shared) {
            return 0;
        }
    }
    return 1;
}

int playcount_recorder_show(apr_pool_t *p, playcount_recorder_shown **shown)
{
    int n = 0;

    *shown =
        apr_palloc(p, ((size_t)playcount_recorders->nelts + 1) * sizeof(**shown));
    for (int i = 0; i < playcount_recorders->nelts; i++) {
        const playcount_recorder *recorder =
            APR_ARRAY_IDX(playcount_recorders, i, playcount_recorder *);
        playcount_recorder_shared *shared = recorder->shared;

        if (shared && is_first(i)) {
            (*shown)[n++] = (playcount_recorder_shown){
                as_text(p, recorder->dir), atomic_load(&shared->recorded),
                atomic_load(&shared->missed),
                atomic_load(&shared->paused_until) != 0};
        }
    }
    return n;
}

/* --- mod_status --- */

static void write_lines(request_rec *r, const playcount_recorder_shown *shown,
                        int n)
{
    uint64_t records = 0, dropped = 0;
    int paused = 0;

    for (int i = 0; i < n; i++) {
        records += shown[i].records;
        dropped += shown[i].dropped;
        paused |= shown[i].paused;
    }
    ap_rprintf(r,
               "PlaycountRecorderRecords: %" APR_UINT64_T_FMT
               "\nPlaycountRecorderDropped: %" APR_UINT64_T_FMT
               "\nPlaycountRecorderPaused: %d\n",
               records, dropped, paused);
}

static void write_table(request_rec *r, const playcount_recorder_shown *shown,
                        int n)
{
    ap_rputs("<hr />\n<h2>Recorded requests (mod_playcount)</h2>\n"
             "<table border=\"1\"><tr><th>Directory</th><th>Recorded</th>"
             "<th>Not recorded</th><th>The disk refuses</th></tr>\n",
             r);
    for (int i = 0; i < n; i++) {
        ap_rprintf(r,
                   "<tr><td>%s</td><td>%" APR_UINT64_T_FMT
                   "</td><td>%" APR_UINT64_T_FMT "</td><td>%s</td></tr>\n",
                   ap_escape_html(r->pool, shown[i].dir), shown[i].records,
                   shown[i].dropped,
                   shown[i].paused ? "yes, see the error log" : "no");
    }
    ap_rputs("</table>\n", r);
}

static int status(request_rec *r, int flags)
{
    playcount_recorder_shown *shown;
    int n = playcount_recorder_show(r->pool, &shown);

    if (!n) {
        return DECLINED;
    }
    (flags & AP_STATUS_SHORT ? write_lines : write_table)(r, shown, n);
    return OK;
}

void playcount_recorder_register_status(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status, NULL, NULL, APR_HOOK_MIDDLE);
}
