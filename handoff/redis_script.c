/* The scripts that the cluster runs, as the build has them from send.lua and
 * read.lua. */
#include "handoff/redis.h"

const char playcount_redis_script[] =
#include "handoff/send.lua.h"
    ;

const char playcount_redis_read_script[] =
#include "handoff/read.lua.h"
    ;
