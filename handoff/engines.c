/* The table of engines. A new engine is a line here and a file beside this one. */
#include "handoff/engine.h"

#include "apr_strings.h"

static const playcount_engine *const engines[] = {
    &playcount_engine_dbd,
    &playcount_engine_redis,
    NULL,
};

const playcount_engine *playcount_engine_named(const char *name)
{
    for (int i = 0; engines[i]; i++) {
        if (!strcmp(engines[i]->name, name)) {
            return engines[i];
        }
    }
    return NULL;
}

const char *playcount_engine_names(apr_pool_t *p)
{
    const char *names = "use";

    for (int i = 0; engines[i]; i++) {
        names = apr_pstrcat(p, names, i ? ", or " : " ", engines[i]->name, ", for ",
                            engines[i]->purpose, NULL);
    }
    return names;
}
