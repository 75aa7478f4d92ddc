/* What the lane has done and holds: see account.h.
 *
 *     +----------+------+-------------------------------+
 *     | requests | lent | row | row | row | ...         |  a row for each child,
 *     +----------+------+-------------------------------+  taken by its process id
 *
 * The totals outlive the children that made them; a row goes with its child. */

#include "lane/account.h"

#include <stdatomic.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "apr_optional_hooks.h"
#include "http_protocol.h"
#include "mod_status.h"

#include "server/retained.h"

typedef struct {
    _Atomic int32_t pid; /* 0: free; set by the child, cleared by the parent */
    _Atomic int32_t connections; /* written by the child, atomically */
} row;

typedef struct {
    _Atomic uint64_t requests; /* answered; added to atomically */
    _Atomic uint64_t lent;     /* times that a worker served a connection */
    row rows[];
} account;

static account *shared; /* NULL: there is no lane */
static int rows;
static row *own;

apr_status_t playcount_lane_account_open(server_rec *s)
{
    int children = 0, fresh;
    void *memory = NULL;
    apr_status_t rv;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &children);
    /* After a graceful restart, old and new children live side by side. */
    rows = children > 0 ? 2 * children : 64;
    rv = playcount_retained_memory(s, "lane", "account",
                                   sizeof(account) + (apr_size_t)rows * sizeof(row),
                                   &memory, &fresh);
    shared = rv == APR_SUCCESS ? memory : NULL;
    return rv;
}

void playcount_lane_account_child(void)
{
    for (int i = 0; shared && !own && i < rows; i++) {
        int32_t none = 0;

        if (atomic_compare_exchange_strong(&shared->rows[i].pid, &none,
                                           (int32_t)getpid())) {
            own = &shared->rows[i];
            atomic_store(&own->connections, 0);
        }
    }
}

void playcount_lane_account_ended(pid_t pid)
{
    for (int i = 0; shared && i < rows; i++) {
        if (atomic_load(&shared->rows[i].pid) == (int32_t)pid) {
            atomic_store(&shared->rows[i].connections, 0);
            atomic_store(&shared->rows[i].pid, 0);
        }
    }
}

void playcount_lane_account_connections(int more)
{
    if (own) {
        atomic_fetch_add_explicit(&own->connections, more, memory_order_relaxed);
    }
}

void playcount_lane_account_requests(uint64_t more)
{
    if (shared) {
        atomic_fetch_add_explicit(&shared->requests, more, memory_order_relaxed);
    }
}

void playcount_lane_account_lent(void)
{
    if (shared) {
        atomic_fetch_add_explicit(&shared->lent, 1, memory_order_relaxed);
    }
}

/* --- mod_status --- */

static int status(request_rec *r, int flags)
{
    int connections = 0;

    if (!shared) {
        return DECLINED;
    }
    for (int i = 0; i < rows; i++) {
        connections += atomic_load(&shared->rows[i].connections);
    }
    ap_rprintf(
        r,
        flags & AP_STATUS_SHORT
            ? "PlaycountLaneConnections: %d\nPlaycountLaneRequests: "
              "%" APR_UINT64_T_FMT "\nPlaycountLaneLent: %" APR_UINT64_T_FMT "\n"
            : "<hr />\n<h2>The lane (mod_playcount)</h2>\n<p>%d connections are "
              "in the lane; it has answered %" APR_UINT64_T_FMT
              " requests, and given connections to httpd %" APR_UINT64_T_FMT
              " times.</p>\n",
        connections, atomic_load(&shared->requests), atomic_load(&shared->lent));
    return OK;
}

static int late_hook(apr_pool_t *p, apr_pool_t *plog, apr_pool_t *ptemp)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status, NULL, NULL, APR_HOOK_MIDDLE);
    return OK;
}

void playcount_lane_account_register(void)
{
    ap_hook_pre_config(late_hook, NULL, NULL, APR_HOOK_MIDDLE);
}
