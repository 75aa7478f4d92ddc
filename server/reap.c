/* The parent sees at once that a child has ended: see reap.h. */

#include "server/reap.h"

#include <signal.h>
#include <stdlib.h>

#include "http_config.h"
#include "http_core.h"

static void wake(int signal)
{
}

static void set_handler(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    sigaction(SIGCHLD, &action, NULL);
}

/* The code of the handler goes with the configuration. */
static apr_status_t forget(void *unused)
{
    set_handler(SIG_DFL);
    return APR_SUCCESS;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        set_handler(wake);
        apr_pool_cleanup_register(pconf, NULL, forget, apr_pool_cleanup_null);
    }
    return OK;
}

static void child_init(apr_pool_t *p, server_rec *s)
{
    set_handler(SIG_DFL);
}

void playcount_reap_register_hooks(apr_pool_t *p)
{
    if (getenv("MOD_PLAYCOUNT_EXPRESS")) {
        ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_REALLY_LAST);
        ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_FIRST);
    }
}
