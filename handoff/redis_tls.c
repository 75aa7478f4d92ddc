/* TLS to Redis, where the build has hiredis' library for it (1.0 and later; Debian
 * 12 has none): tls=CA-FILE names the certificates that a node's must be signed by.
 *
 * The context is made at the start, when httpd may still read what its children may
 * not, and lives as long as the configuration. */
#include "handoff/redis.h"

#if __has_include(<hiredis/hiredis_ssl.h>)

#include <hiredis/hiredis_ssl.h>

#include "apr_strings.h"

static apr_status_t drop(void *data)
{
    redisFreeSSLContext(data);
    return APR_SUCCESS;
}

const char *playcount_redis_read_tls(playcount_handoff *h, const char *value,
                                     apr_pool_t *p)
{
    playcount_redis *redis = h->state;
    const char *path = ap_server_root_relative(p, value);
    redisSSLContextError error = REDIS_SSL_CTX_NONE;

    redisInitOpenSSL();
    redis->tls =
        path ? redisCreateSSLContext(path, NULL, NULL, NULL, NULL, &error) : NULL;
    if (!redis->tls) {
        return apr_psprintf(
            p,
            "cannot be used (%s); name a file with the certificates "
            "of the authority that signed those of the nodes",
            path ? redisSSLContextGetError(error) : "no such path");
    }
    apr_pool_cleanup_register(p, redis->tls, drop, apr_pool_cleanup_null);
    return NULL;
}

int playcount_redis_start_tls(const playcount_redis *redis, redisContext *c)
{
    return !redis->tls || redisInitiateSSLWithContext(c, redis->tls) == REDIS_OK;
}

#else

const char *playcount_redis_read_tls(playcount_handoff *h, const char *value,
                                     apr_pool_t *p)
{
    return "is not possible: this build has no TLS to Redis. Use a tunnel "
           "(stunnel) on this host, or a network of your own; or build with "
           "hiredis "
           "1.0 or later and its hiredis_ssl";
}

int playcount_redis_start_tls(const playcount_redis *redis, redisContext *c)
{
    return 1;
}

#endif
