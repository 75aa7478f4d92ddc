/* One request: what is noted before its response, and the verdict when it is
 * logged.
 *
 *     insert_filter    where the connection stands; of a large file, how much of it
 *                      is enough
 *     (live.c)         so much was delivered: the play into the zone
 *     log_transaction  what was delivered, what that makes of what was known of the
 *                      listener, and the play into the zone if it is not there
 *
 * A subrequest is no delivery of its own. Of a chain of internal redirects the
 * first request is the listener's, the last one has the response. */

#include "media/private.h"

#include "apr_strings.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_filter.h"

#include "server/delivered.h"
#include "server/request.h"
#include "shm/hot.h"

APLOG_USE_MODULE(playcount);

#define LONGEST ((apr_off_t)1 << 40) /* of a response whose length is not known */

static ap_filter_rec_t *look;

PLAYCOUNT_HOT playcount_media_request *playcount_media_request_of(request_rec *r)
{
    const playcount_request *q = playcount_request_of(playcount_request_first(r));

    return q ? q->media : NULL;
}

static PLAYCOUNT_HOT playcount_media_request *get(request_rec *first)
{
    playcount_media_request *m = playcount_media_request_of(first);
    void *made;

    if (!m) {
        playcount_request *q = playcount_request_with(first, sizeof(*m), &made);

        q->media = m = made;
        m->mark = -1;
    }
    return m;
}

/* --- before the response --- */

#define FITS_ANYWAY 65536 /* what the kernel holds of a response in any case */

/* Can this response still make a play? */
static int may_play(request_rec *r, request_rec *first,
                    const playcount_media_dir *conf)
{
    playcount_address address;
    playcount_media_got got;

    return playcount_media_may_count(first, r, HTTP_OK, conf, &address, &got) &&
           !playcount_media_is_counted(playcount_media_tables, &got);
}

/* The part of the response that may decide must not vanish in a buffer of the
 * kernel's, and with the last byte of it the play counts; but for a listener who is
 * counted already nothing is to be decided. */
static void begin_deciding(request_rec *r, request_rec *first,
                           const playcount_media_dir *conf,
                           playcount_media_request *m)
{
    uint64_t deciding = m->measured.begin + m->measured.need;
    apr_off_t bytes = !m->measured.need             ? LONGEST
                      : deciding < m->measured.size ? (apr_off_t)deciding
                                                    : (apr_off_t)m->measured.size;

    if (bytes <= FITS_ANYWAY) {
        return;
    }
    if (!playcount_delivered_is_short(r, bytes)) {
        if (!may_play(r, first, conf)) {
            return;
        }
        playcount_delivered_keep_short(r, bytes);
    }
    playcount_media_live_begin(first, m);
}

/* The type of a response that a handler makes is known with its first bytes, and
 * only then: a BYTERANGE filter below may give it another one. The filters above
 * may have put a file (mod_xsendfile) or what was cached (CACHE_OUT) in their
 * place. */
static apr_status_t look_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    request_rec *r = f->r, *first = playcount_request_first(r);
    const playcount_media_dir *conf = playcount_media_conf_of(r);
    playcount_media_request *m = get(first);
    const char *length = apr_table_get(r->headers_out, "Content-Length");
    apr_int64_t size = length ? apr_atoi64(length) : 0;

    ap_remove_output_filter(f);
    if (playcount_media_is_type(conf, r->content_type)) {
        m->is_media = 1;
        if (r->status == HTTP_OK && size > 0 &&
            !playcount_media_measure_sent(bb, conf, (uint64_t)size, &m->measured)) {
            playcount_media_measure_size(conf, (uint64_t)size, &m->measured);
        }
        begin_deciding(r, first, conf, m);
    }
    return ap_pass_brigade(f->next, bb);
}

/* Is this a file that httpd itself will send, and its type no handler's? */
static int is_static(const request_rec *r)
{
    return !r->handler && r->finfo.filetype == APR_REG &&
           (!r->content_type ||
            !playcount_media_begins(r->content_type, "application/x-httpd-"));
}

static __attribute__((noinline)) void begin_large(request_rec *r,
                                                  request_rec *first,
                                                  const playcount_media_dir *conf,
                                                  playcount_media_request *m)
{
    if (playcount_media_measure(r, conf, &m->measured)) {
        begin_deciding(r, first, conf, m);
    }
}

static PLAYCOUNT_HOT void begin(request_rec *r)
{
    const playcount_media_dir *conf = playcount_media_conf_of(r);
    playcount_media_request *m;
    request_rec *first;

    if (conf->on != 1 || r->main || !playcount_media_tables ||
        r->method_number != M_GET || r->header_only) {
        return;
    }
    first = playcount_request_first(r);
    m = get(first);
    if (m->mark < 0) {
        m->mark = playcount_delivered_mark(first);
    }
    if (!is_static(r)) {
        ap_add_output_filter_handle(look, NULL, r, r->connection);
        return;
    }
    if (playcount_media_is_type(conf, r->content_type)) {
        m->is_media = 1;
        m->of = r;
        m->measured.need = 0;
        if (r->finfo.size > FITS_ANYWAY) {
            begin_large(r, first, conf, m);
        }
    }
}

/* --- when it is logged --- */

static PLAYCOUNT_COLD void say_full(request_rec *first, const char *song,
                                    const char *why)
{
    if (playcount_media_say_full(playcount_media_tables,
                                 (uint64_t)apr_time_sec(apr_time_now()))) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, first,
            "PlaycountMedia: %s is not counted: %s. What is not counted now "
            "a replay of the access log can count (playcount replay "
            "--media)",
            song ? song : first->uri, why);
    }
}

static PLAYCOUNT_COLD void say(request_rec *first, playcount_media_request *m,
                               const char *song, const char *why)
{
    playcount_media_complete(first, m);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, first,
                  "media: %s, song %s, %s of %" APR_UINT64_T_FMT " needed%s%s",
                  playcount_verdict_name(m->verdict), song ? song : "-",
                  playcount_media_got_text(first->pool, m), m->need,
                  why ? ": " : "", why ? why : "");
}

static PLAYCOUNT_HOT int end(request_rec *r)
{
    request_rec *first = playcount_request_first(r),
                *last = playcount_request_last(first);
    const playcount_media_dir *conf = playcount_media_conf_of(last);
    playcount_media_request *m;
    const char *song = NULL, *why = NULL;

    if (conf->on != 1 || !playcount_media_tables) {
        return DECLINED;
    }
    m = playcount_media_request_of(first);
    if (!(m && m->is_media) && !playcount_media_is_type(conf, last->content_type)) {
        return DECLINED;
    }
    m = get(first);
    if (m->verdict == PLAYCOUNT_VERDICT_PLAYED) {
        return DECLINED; /* on its way */
    }
    m->verdict = playcount_media_judge(first, last, conf, m, &song, &why);
    m->song = song;
    playcount_media_count(playcount_media_tables, m->verdict);
    if (m->verdict == PLAYCOUNT_VERDICT_FULL) {
        say_full(first, song, why);
    }
    if (APLOGrdebug(first)) {
        say(first, m, song, why);
    }
    return DECLINED;
}

void playcount_media_delivery_register_hooks(apr_pool_t *p)
{
    look = ap_register_output_filter("PLAYCOUNT_MEDIA_TYPE", look_filter, NULL,
                                     AP_FTYPE_PROTOCOL - 1);
    ap_hook_insert_filter(begin, NULL, NULL, APR_HOOK_LAST);
    /* Before mod_log_config, whose items want the verdict. */
    ap_hook_log_transaction(end, NULL, NULL, APR_HOOK_FIRST);
}
