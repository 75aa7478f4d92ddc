/* The script that the cluster runs, as the build has it from send.lua. */
#include "handoff/redis.h"

const char playcount_redis_script[] =
#include "handoff/send.lua.h"
    ;
