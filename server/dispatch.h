/* One dispatcher for all rooms, by method and path; 404, 405 and OPTIONS. Each room
 * lists the endpoints that it answers below a counter's root, in its
 * playcount_room; the dispatcher finds the operation for method and path, and
 * answers OPTIONS, 404 and 405 with Allow for all of them.
 */
#ifndef PLAYCOUNT_SERVER_DISPATCH_H
#define PLAYCOUNT_SERVER_DISPATCH_H

#include "httpd.h"

#include "server/request.h"

#define PLAYCOUNT_METHODS_MAX 4 /* operations of one endpoint, and one more */

/* Answer the request; returns what a handler returns. */
typedef int playcount_operation(request_rec *r, const playcount_request *q);

/* What reads the request's body, or throws it away. */
typedef enum {
    PLAYCOUNT_NO_BODY,   /* the dispatcher throws it away before the operation */
    PLAYCOUNT_TAKES_BODY /* the operation */
} playcount_body_e;

struct playcount_endpoint {
    const char *path; /* such as "/songs"; one that ends with '/' and more is the
                         beginning of many: "/song/" */
    struct {
        int method; /* M_POST, M_DELETE, or M_GET, which is HEAD as well */
        playcount_operation *run; /* NULL: no more */
        playcount_body_e body;
    } operations[PLAYCOUNT_METHODS_MAX];
};

/* The operation of this endpoint for the request's method. */
int playcount_endpoint_run(const playcount_endpoint *endpoint, request_rec *r,
                           const playcount_request *q);

/* Of a handler, before all else: was it named by the server's configuration, and
 * not by an .htaccess file (root.h)? If not, it is logged; answer with the other.
 */
int playcount_may_answer(request_rec *r);
int playcount_refuse_handler(request_rec *r);

void playcount_dispatch_register_hooks(apr_pool_t *p);

#endif
