/* What the rooms keep with a connection: see connection.h. */

#include "server/connection.h"

#include "shm/hot.h"

/* httpd hands the memory of a connection that has ended to another thread by an
 * atomic of APR's, which ThreadSanitizer does not see: it is told here. */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *address);
void __tsan_release(void *address);

static char handed_on;

static apr_status_t hand_on(void *unused)
{
    __tsan_release(&handed_on);
    return APR_SUCCESS;
}

static void take_over(apr_pool_t *pool)
{
    __tsan_acquire(&handed_on);
    apr_pool_cleanup_register(pool, NULL, hand_on, apr_pool_cleanup_null);
}
#else
#define take_over(pool)
#endif

playcount_connection *playcount_connection_get(conn_rec *c)
{
    playcount_connection *k = playcount_connection_of(c);

    if (!k) {
        take_over(c->pool);
        k = playcount_on_a_line(c->pool, sizeof(*k));
        ap_set_module_config(c->conn_config, &playcount_module, k);
    }
    return k;
}
