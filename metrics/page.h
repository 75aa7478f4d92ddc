/* The live page: inside the room only. Its files are part of the module
 * (metrics/page/). */
#ifndef PLAYCOUNT_METRICS_PAGE_H
#define PLAYCOUNT_METRICS_PAGE_H

#include "httpd.h"

#include "server/request.h"

/* Send the page itself. */
int playcount_page_send(request_rec *r);

/* Send one of the page's other files, with a name as in ?file=page.js; it may be
 * cached, as the page asks for it with a number of its content (v=). 404 for any
 * other name. */
int playcount_page_send_file(request_rec *r, const char *name);

/* Note that this request is one of the page's own: it is not measured, and carries
 * the environment variable playcount-page, by which an access log can leave it out.
 */
void playcount_page_mark(request_rec *r);

static inline int playcount_page_is_own(const request_rec *r)
{
    const playcount_request *q = playcount_request_of(r);

    return q && q->page;
}

#endif
