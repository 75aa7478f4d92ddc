/* TLS to Redis in a build without it: says what to build with. redis_tls.c is the
 * other one. */
#include "handoff/redis.h"

static const char *not_built(playcount_handoff *h, const char *value, apr_pool_t *p)
{
    return "is not possible: this build has no TLS to Redis. Build with hiredis "
           "1.0 "
           "or later with its hiredis_ssl (make HIREDIS_PREFIX=DIR), or use a "
           "tunnel "
           "on this host (stunnel)";
}

const char *playcount_redis_read_tls(playcount_handoff *h, const char *value,
                                     apr_pool_t *p)
{
    return not_built(h, value, p);
}

const char *playcount_redis_read_tls_name(playcount_handoff *h, const char *value,
                                          apr_pool_t *p)
{
    return not_built(h, value, p);
}

const char *playcount_redis_read_tls_cert(playcount_handoff *h, const char *value,
                                          apr_pool_t *p)
{
    return not_built(h, value, p);
}

const char *playcount_redis_read_tls_key(playcount_handoff *h, const char *value,
                                         apr_pool_t *p)
{
    return not_built(h, value, p);
}

const char *playcount_redis_check_tls(const playcount_redis *redis)
{
    return NULL;
}

const char *playcount_redis_tls_says(const playcount_redis *redis)
{
    return NULL;
}

int playcount_redis_start_tls(const playcount_redis *redis, redisContext *c,
                              const char *host, apr_pool_t *p, const char **why)
{
    return 1;
}
