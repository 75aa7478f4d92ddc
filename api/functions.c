/* The optional functions for other modules: see mod_playcount.h. */

#include "httpd.h"
#include "api/api.h"
#include "mod_playcount.h"
#include "server/text.h"

static apr_status_t find(server_rec *s, const char *name, const char *id,
                         apr_size_t length, playcount_served_zone **zone)
{
    *zone = playcount_zone_named(s, name ? name : PLAYCOUNT_DEFAULT_ZONE);
    if (!*zone) {
        return APR_NOTFOUND;
    }
    if (!playcount_zone_is_available(*zone)) {
        return APR_EGENERAL;
    }
    return playcount_id_error(id, length) ? APR_EINVAL : APR_SUCCESS;
}

static apr_status_t playcount_add(server_rec *s, const char *name, const char *id,
                                  apr_size_t length, apr_uint64_t by,
                                  apr_uint64_t *count)
{
    playcount_served_zone *zone;
    apr_status_t rv = find(s, name, id, length, &zone);
    uint64_t after = 0;

    if (rv == APR_SUCCESS && (by < 1 || by > PLAYCOUNT_BY_MAX)) {
        rv = APR_EINVAL;
    }
    if (rv == APR_SUCCESS) {
        rv = playcount_zone_add(zone->zone, id, length, by, &after);
    }
    if (rv == APR_SUCCESS && playcount_zone_failed(zone->zone)) {
        rv = APR_EGENERAL;
    }
    *count = rv == APR_SUCCESS ? after : 0;
    return rv;
}

static apr_status_t playcount_get(server_rec *s, const char *name, const char *id,
                                  apr_size_t length, apr_uint64_t *count)
{
    playcount_served_zone *zone;
    apr_status_t rv = find(s, name, id, length, &zone);

    *count = rv == APR_SUCCESS ? playcount_zone_get(zone->zone, id, length) : 0;
    return rv == APR_SUCCESS && playcount_zone_failed(zone->zone) ? APR_EGENERAL
                                                                  : rv;
}

void playcount_functions_register(void)
{
    APR_REGISTER_OPTIONAL_FN(playcount_add);
    APR_REGISTER_OPTIONAL_FN(playcount_get);
}
