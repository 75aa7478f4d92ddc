/* Items for LogFormat, registered with mod_log_config if it is there.
 *
 *     %^Pv  the verdict
 *     %^Px  the bytes of the media that were delivered: 0-99999,200000-299999
 *     %^Pt  how many of them are enough
 *     %^Pi  the song's id
 *
 * A request that is no delivery of media gives "-". A replay of the log reads them.
 */

#include "media/private.h"

#include "mod_log_config.h"
#include "apr_strings.h"

#include "server/request.h"

static const char *verdict_item(request_rec *r, char *unused)
{
    const playcount_media_request *m = playcount_media_request_of(r);

    return playcount_verdict_name(m ? m->verdict : PLAYCOUNT_VERDICT_NONE);
}

/* With what was delivered. */
static const playcount_media_request *complete(request_rec *r)
{
    playcount_media_request *m = playcount_media_request_of(r);

    if (m) {
        playcount_media_complete(playcount_request_first(r), m);
    }
    return m;
}

static const char *intervals_item(request_rec *r, char *unused)
{
    const playcount_media_request *m = complete(r);

    return m ? playcount_media_got_text(r->pool, m) : "-";
}

static const char *need_item(request_rec *r, char *unused)
{
    const playcount_media_request *m = complete(r);

    return m && m->need ? apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, m->need)
                        : "-";
}

static const char *song_item(request_rec *r, char *unused)
{
    const playcount_media_request *m = playcount_media_request_of(r);

    return m && m->song ? ap_escape_logitem(r->pool, m->song) : "-";
}

static int pre_config(apr_pool_t *p, apr_pool_t *plog, apr_pool_t *ptemp)
{
    static const struct {
        const char *tag;
        ap_log_handler_fn_t *item;
    } items[] = {
        {"^Pv", verdict_item},
        {"^Px", intervals_item},
        {"^Pt", need_item},
        {"^Pi", song_item},
    };
    APR_OPTIONAL_FN_TYPE(ap_register_log_handler) *add =
        APR_RETRIEVE_OPTIONAL_FN(ap_register_log_handler);

    for (size_t i = 0; add && i < sizeof(items) / sizeof(items[0]); i++) {
        add(p, apr_pstrdup(p, items[i].tag), items[i].item, 0);
    }
    return OK;
}

void playcount_media_logitem_register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
}
