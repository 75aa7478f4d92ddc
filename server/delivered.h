/* How many bytes of an HTTP/2 stream went to its connection.
 *
 * In HTTP/2 a response is handed over in one piece: a file of any size passes all
 * filters at once, and mod_http2 sends it later, or never when the client goes
 * away. Only mod_http2 knows how far it came. It tells mod_logio, for %O, through
 * the optional function ap_logio_add_bytes_out; we put one of the same name before
 * it that takes a note and passes the call on. Nothing changes for mod_logio, which
 * need not be loaded.
 */
#ifndef PLAYCOUNT_SERVER_DELIVERED_H
#define PLAYCOUNT_SERVER_DELIVERED_H

#include "httpd.h"

/* Whether all of this request's response went out, as far as its stream knows; r is
 * the last of a chain of internal redirects. For a stream of HTTP/2
 * (r->connection->master) only, and not before the request is logged: mod_http2
 * counts when the stream ends. Whole frames are counted, so a response that is
 * short by less than their headers (nine bytes in sixteen thousand) is taken for
 * complete. */
int playcount_stream_complete(const request_rec *r);

void playcount_delivered_register_hooks(apr_pool_t *p);

#endif
