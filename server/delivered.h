/* How many bytes of a response went out, and not merely down the filters.
 *
 * HTTP/1. What the filters were given is written by httpd's core, now or later. It
 * tells how much of it the kernel took, for %O of mod_logio, through the optional
 * function ap_logio_add_bytes_out; we put one of the same name before it that adds
 * up and passes the call on. Nothing changes for mod_logio, which need not be
 * loaded. When a request is logged, its last bucket has been destroyed, in order,
 * after all before it: they have been written, unless the connection was aborted or
 * is being cleared away (a timeout). Only then the sum is needed, and what the
 * kernel still has of it (SIOCOUTQ) is not delivered.
 *
 * HTTP/2. A response is handed over in one piece: a file of any size passes all
 * filters at once, and mod_http2 sends it later, or never when the client goes
 * away. Only mod_http2 knows how far it came, and tells it through the same
 * function, once for each stream.
 *
 * A kernel's send buffer may hold megabytes: a client that reads 50 kB and goes
 * away then seems to have got a whole short file. playcount_delivered_keep_short()
 * bounds what has been written and not yet been sent to 64 kB (TCP_NOTSENT_LOWAT).
 *
 * Before the end, over HTTP/1: a room can ask to be called when so much of a
 * response was written (playcount_delivered_watch()). What the kernel no longer
 * holds then the client's has acknowledged: it is delivered, whatever becomes of
 * the connection.
 *
 * No system call but for a response that was cut off, for the short buffer, and for
 * playcount_delivered_so_far().
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

/* Before the first byte of a response: where the connection stands. -1: not known,
 * because a response before this one is still on its way (pipelining). */
apr_off_t playcount_delivered_mark(request_rec *r);

/* When the request is logged: how many bytes of the body went out. r is the last of
 * a chain of internal redirects, mark is from before the response. Exact for a
 * response that was not cut off. Of one that was it is a lower bound: HTTP/1 in
 * clear by the length of the headers, over TLS by a fiftieth, HTTP/2 by a
 * hundredth. */
apr_off_t playcount_delivered_body(const request_rec *r, apr_off_t mark);

/* Call this when `bytes` more than at the mark have been written. What it answers
 * is after how many more it is to be called again; 0: not any more. r is the first
 * of a chain of internal redirects. Nothing happens where that cannot be known:
 * HTTP/2, a mark that is not known, a response before this one that is watched
 * still.
 *
 * It is called by whichever thread writes, from within httpd's core output filter:
 * it must not write to the connection. It may allocate from the request's pool; it
 * is not called any more when that is cleared, which the response's last bucket
 * causes after log_transaction. */
typedef apr_off_t playcount_delivered_reached(request_rec *first);
void playcount_delivered_watch(request_rec *first, apr_off_t mark, apr_off_t bytes,
                               playcount_delivered_reached *reached);

/* Of a response under way over HTTP/1, with a mark that is known: how many bytes of
 * the body were written at least; and how many of them the client has acknowledged,
 * which asks the kernel. r is the last of a chain of internal redirects. */
apr_off_t playcount_delivered_written(const request_rec *r, apr_off_t mark);
apr_off_t playcount_delivered_so_far(const request_rec *r, apr_off_t mark);

/* Keep what is written and not yet sent short, until at least `bytes` more have
 * been written, and twice as many at most, or as a watch waits for; in HTTP/2 for
 * the whole connection. Once a connection and time: two system calls. */
void playcount_delivered_keep_short(request_rec *r, apr_off_t bytes);

/* Is it kept so already? */
int playcount_delivered_is_short(const request_rec *r, apr_off_t bytes);

/* It need not be short any more; not over HTTP/2, whose streams have one
 * connection. */
void playcount_delivered_end_short(request_rec *r);

void playcount_delivered_register_hooks(apr_pool_t *p);

#endif
