/* The answers when the zone could not count: 507 if it is full, 503, and their log
 * lines. */

#include "httpd.h"
#include "apr_time.h"
#include "http_log.h"

#include "api/api.h"
#include "server/answer.h"

APLOG_USE_MODULE(playcount);

int playcount_refuse_add(request_rec *r, playcount_served_zone *zone,
                         apr_status_t rv)
{
    if (rv == APR_ENOSPC) {
        if (playcount_zone_say_full(zone->zone,
                                    (uint64_t)apr_time_sec(r->request_time))) {
            ap_log_rerror(
                APLOG_MARK, APLOG_ERR, 0, r,
                "PlaycountZone %s is full: %" APR_UINT64_T_FMT
                " songs. New songs are refused with 507, known ones go on; set "
                "songs= higher and restart the server",
                zone->name, zone->songs);
        }
        return playcount_refuse(r, HTTP_INSUFFICIENT_STORAGE,
                                "The zone is full: it takes no new songs.");
    }
    if (APR_STATUS_IS_TIMEUP(rv)) {
        return playcount_refuse_frozen(r, zone);
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, rv, r,
        "PlaycountZone %s: its lock cannot be acquired; see the Mutex directive",
        zone->name);
    return playcount_refuse(r, HTTP_SERVICE_UNAVAILABLE,
                            "The play could not be counted; try again.");
}
