/* The live page: see page.h. The build puts its files together (the scripts into
 * one) and the assembler puts them here, into memory that is only read. */

#include "metrics/page.h"

#include "http_core.h"
#include "http_protocol.h"
#include "util_filter.h"

#include "server/answer.h"
#include "server/request.h"

extern const char playcount_page_html[], playcount_page_html_end[];
extern const char playcount_page_css[], playcount_page_css_end[];
extern const char playcount_page_js[], playcount_page_js_end[];

#define ASSET(symbol, file)                                                        \
    __asm__(".pushsection .rodata\n" symbol ":\n.incbin \"" PLAYCOUNT_PAGE_DIR     \
            "/" file "\"\n" symbol "_end:\n.byte 0\n.popsection\n")

ASSET("playcount_page_html", "page.html");
ASSET("playcount_page_css", "page.css");
ASSET("playcount_page_js", "page.js");

#define MARK "playcount-page"

/* Nothing but the page's own files may run, be shown or be requested. */
#define POLICY                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src "        \
    "'self'; "                                                                     \
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; "                  \
    "frame-ancestors 'self'; require-trusted-types-for 'script'"

static int send_asset(request_rec *r, const char *type, const char *cache,
                      const char *from, const char *end)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, alloc);
    apr_off_t length = end - from;

    ap_set_content_type(r, type);
    ap_set_content_length(r, length);
    apr_table_setn(r->headers_out, "Cache-Control", cache);
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "Referrer-Policy", "no-referrer");
    APR_BRIGADE_INSERT_TAIL(
        bb, apr_bucket_immortal_create(from, (apr_size_t)length, alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    ap_pass_brigade(r->output_filters, bb);
    return OK;
}

int playcount_page_send(request_rec *r)
{
    apr_table_setn(r->headers_out, "Content-Security-Policy", POLICY);
    return send_asset(r, "text/html; charset=utf-8", "no-store",
                      playcount_page_html, playcount_page_html_end);
}

int playcount_page_send_file(request_rec *r, const char *name)
{
    static const char forever[] = "private, max-age=31536000, immutable";

    if (!strcmp(name, "page.js")) {
        return send_asset(r, "text/javascript; charset=utf-8", forever,
                          playcount_page_js, playcount_page_js_end);
    }
    if (!strcmp(name, "page.css")) {
        return send_asset(r, "text/css; charset=utf-8", forever, playcount_page_css,
                          playcount_page_css_end);
    }
    return playcount_not_found(r);
}

void playcount_page_mark(request_rec *r)
{
    playcount_request_get(r)->page = 1;
    apr_table_setn(r->subprocess_env, MARK, "1");
}
