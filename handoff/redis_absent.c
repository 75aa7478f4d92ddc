/* The engine `redis` of a build without hiredis: says what to install. */
#include "handoff/handoff.h"

static const char *take(playcount_handoff *h, const char *value, apr_pool_t *p)
{
    return NULL;
}

static const playcount_engine_option options[] = {
    {"cluster", "HOST:PORT[,HOST:PORT...]", take},
    {"user", "NAME", take},
    {"password-file", "PATH", take},
    {"wait", "REPLICAS", take},
    {"tls", "CA-FILE", take},
    {"tls-name", "NAME", take},
    {"tls-cert", "FILE", take},
    {"tls-key", "FILE", take},
    {NULL, NULL, NULL},
};

static const char *check(playcount_handoff *h, apr_pool_t *p)
{
    return "this build of mod_playcount has no Redis; install libhiredis-dev, then "
           "build and install mod_playcount again";
}

static playcount_delivery_e deliver(playcount_handoff *h,
                                    const playcount_batch *batch, apr_pool_t *p,
                                    const char **why)
{
    *why = check(h, p);
    return PLAYCOUNT_UNDELIVERED;
}

const playcount_engine playcount_engine_redis = {
    .name = "redis",
    .purpose = "a Redis Cluster",
    .options = options,
    .check = check,
    .deliver = deliver,
};
