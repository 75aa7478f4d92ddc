/* What the rooms keep with a connection: see connection.h. */

#include "server/connection.h"

#include "shm/hot.h"

playcount_connection *playcount_connection_get(conn_rec *c)
{
    playcount_connection *k = playcount_connection_of(c);

    if (!k) {
        k = playcount_on_a_line(c->pool, sizeof(*k));
        ap_set_module_config(c->conn_config, &playcount_module, k);
    }
    return k;
}
