/* The handoffs on mod_status' page, and as lines of its ?auto form. */
#include "handoff/handoff.h"

#include "apr_lib.h"
#include "apr_optional_hooks.h"
#include "apr_strings.h"
#include "http_protocol.h"
#include "mod_status.h"

static void write_lines(request_rec *r, const playcount_handoff *h,
                        const playcount_handoff_use *use)
{
    const char *key = apr_pstrcat(r->pool, "PlaycountHandoff-", h->zone_name, NULL);

    ap_rprintf(r,
               "%s-Batches: %" APR_UINT64_T_FMT "\n%s-OpenPlays: %" APR_UINT64_T_FMT
               "\n%s-Failing: %d\n%s-RefusedSongs: %" APR_UINT64_T_FMT
               "\n%s-RefusedPlays: %" APR_UINT64_T_FMT "\n",
               key, use->batches, key, use->plays, key, use->failing != 0, key,
               use->refused_songs, key, use->refused_plays);
}

static void write_row(request_rec *r, const playcount_handoff *h,
                      const playcount_handoff_use *use)
{
    ap_rprintf(
        r,
        "<tr><td>%s</td><td>%s</td><td>%" APR_UINT64_T_FMT
        "</td><td>%" APR_UINT64_T_FMT "</td><td>%s</td><td>%" APR_UINT64_T_FMT
        "</td><td>%" APR_UINT64_T_FMT "</td></tr>\n",
        ap_escape_html(r->pool, h->zone_name), h->engine->name, use->batches,
        use->plays,
        !use->failing ? "no"
        : *use->why
            ? apr_pstrcat(r->pool, "yes: ", ap_escape_html(r->pool, use->why), NULL)
            : "yes, see the error log",
        use->refused_songs, use->refused_plays);
}

static void write_all(request_rec *r,
                      void (*write)(request_rec *, const playcount_handoff *,
                                    const playcount_handoff_use *))
{
    for (int i = 0; i < playcount_handoffs->nelts; i++) {
        const playcount_handoff *h =
            APR_ARRAY_IDX(playcount_handoffs, i, playcount_handoff *);
        playcount_handoff_use use;

        if (h->zone && h->zone->zone) {
            playcount_handoff_usage(h->zone->zone, &use);
            write(r, h, &use);
        }
    }
}

static int status_page(request_rec *r, int flags)
{
    if (!playcount_handoffs->nelts) {
        return OK;
    }
    if (flags & AP_STATUS_SHORT) {
        write_all(r, write_lines);
        return OK;
    }
    ap_rputs(
        "<hr>\n<h2>Plays handed over</h2>\n<table border=\"1\"><tr><th>zone</th>"
        "<th>to</th><th>batches</th><th>plays that wait</th><th>failing</th>"
        "<th>songs refused</th><th>plays refused</th></tr>\n",
        r);
    write_all(r, write_row);
    ap_rputs("</table>\n", r);
    return OK;
}

void playcount_handoff_register_status(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status_page, NULL, NULL, APR_HOOK_MIDDLE);
}
