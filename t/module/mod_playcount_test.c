/* Handlers for the tests of the metrics: responses whose blocks, bytes and
 * times are known.
 *
 * SetHandler playcount-test; the query says what happens, in this order:
 *
 *     before=MS     sleep
 *     status=N      respond with this status, as a handler that answers itself
 *     return=N      return this status without a body
 *     redirect=URI  internal redirect, and return
 *     sub=URI       a subrequest whose output comes first
 *     blocks=N      so many blocks (default 0) of
 *     size=N        so many bytes each (default 1),
 *     how=pass      each passed on by itself, or
 *         brigade   all in one brigade, or
 *         flush     each passed on with a FLUSH behind it, or
 *         rputs     written with ap_rwrite()
 *     between=MS    sleep after each block
 *     told=1        with a Content-Length that says how much these are
 *     pipe=N        one block of unknown length, N bytes from a pipe
 *     file=PATH     one file bucket
 *     after=MS      sleep
 *     die=N         return this status after all that
 *     crash=1       the process ends by a signal after all that: SIGKILL, or
 *         stack     what follows an overflow of the stack, or
 *         bus       SIGBUS, by a mapped file that was cut short
 *
 * The output filter PLAYCOUNT_TEST_PROBE (anywhere with SetOutputFilter) stands
 * right below the block filter and logs, in a note for %{probe}n, the first
 * buckets it is given: "HEAP:5 FLUSH EOS". */

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "http_request.h"
#include "http_log.h"
#include "util_filter.h"
#include "apr_lib.h"
#include "apr_strings.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *text(request_rec *r, const char *key)
{
    const char *at = r->args;
    apr_size_t length = strlen(key);

    while (at && *at) {
        char *pair = ap_getword(r->pool, &at, '&');

        if (!strncmp(pair, key, length) && pair[length] == '=') {
            ap_unescape_urlencoded(pair + length + 1);
            return pair + length + 1;
        }
    }
    return NULL;
}

static long number(request_rec *r, const char *key, long otherwise)
{
    const char *value = text(r, key);

    return value ? atol(value) : otherwise;
}

static void pause_for(request_rec *r, const char *key)
{
    long ms = number(r, key, 0);

    if (ms > 0) {
        apr_sleep(ms * 1000);
    }
}

static apr_status_t pass(request_rec *r, apr_bucket_brigade *bb)
{
    apr_status_t rv = ap_pass_brigade(r->output_filters, bb);

    apr_brigade_cleanup(bb);
    return rv;
}

static void write_blocks(request_rec *r, apr_bucket_brigade *bb)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    long blocks = number(r, "blocks", 0), size = number(r, "size", 1);
    const char *how = text(r, "how");
    char *data = apr_palloc(r->pool, size + 1);

    how = how ? how : "pass";
    if (number(r, "told", 0)) {
        ap_set_content_length(r, (apr_off_t)blocks * size);
    }
    memset(data, 'x', size);
    for (long i = 0; i < blocks; i++) {
        if (!strcmp(how, "rputs")) {
            ap_rwrite(data, size, r);
        }
        else {
            APR_BRIGADE_INSERT_TAIL(bb,
                                    apr_bucket_transient_create(data, size, alloc));
        }
        if (!strcmp(how, "flush")) {
            APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(alloc));
        }
        if ((!strcmp(how, "pass") || !strcmp(how, "flush")) &&
            pass(r, bb) != APR_SUCCESS) {
            return;
        }
        pause_for(r, "between");
    }
    if (!strcmp(how, "brigade")) {
        pass(r, bb);
    }
}

static void write_pipe(request_rec *r, apr_bucket_brigade *bb, long bytes)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    char chunk[1000];
    apr_file_t *in, *out;

    memset(chunk, 'p', sizeof(chunk));
    apr_file_pipe_create(&in, &out, r->pool);
    if (fork() == 0) {
        apr_file_close(in);
        while (bytes > 0) {
            apr_size_t n =
                bytes < (long)sizeof(chunk) ? (apr_size_t)bytes : sizeof(chunk);

            if (apr_file_write_full(out, chunk, n, NULL) != APR_SUCCESS) {
                break;
            }
            bytes -= (long)n;
        }
        _exit(0);
    }
    apr_file_close(out);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pipe_create(in, alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(alloc));
    pass(r, bb);
}

static void write_file(request_rec *r, apr_bucket_brigade *bb, const char *path)
{
    apr_file_t *file;
    apr_finfo_t info;

    if (apr_file_open(&file, path, APR_READ | APR_SENDFILE_ENABLED, 0, r->pool) !=
            APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE, file) != APR_SUCCESS) {
        return;
    }
    apr_brigade_insert_file(bb, file, 0, info.size, r->pool);
    pass(r, bb);
}

static void subrequest(request_rec *r, const char *uri)
{
    request_rec *sub = ap_sub_req_lookup_uri(uri, r, r->output_filters);

    ap_run_sub_req(sub);
    ap_destroy_sub_req(sub);
}

static volatile int more = 1;

__attribute__((noinline)) static int fill_stack(volatile char *above)
{
    volatile char here[4096];

    here[0] = *above;
    return more ? fill_stack(here) + here[0] : 0;
}

static void touch_what_is_not_there(void)
{
    char name[] = "/tmp/playcount-test-XXXXXX";
    int fd = mkstemp(name);
    volatile char *page;

    unlink(name);
    if (ftruncate(fd, 1) == 0) {
        page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
        more = ftruncate(fd, 0) == 0 ? *page : 1;
    }
}

static void crash(const char *how)
{
    char top = 0;

    if (how && !strcmp(how, "stack")) {
        more = fill_stack(&top);
    }
    else if (how && !strcmp(how, "bus")) {
        touch_what_is_not_there();
    }
    else if (how) {
        kill(getpid(), SIGKILL);
    }
}

static int handler(request_rec *r)
{
    apr_bucket_brigade *bb;

    if (!r->handler || strcmp(r->handler, "playcount-test")) {
        return DECLINED;
    }
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    ap_set_content_type(r, "text/plain");
    pause_for(r, "before");
    if (number(r, "status", 0)) {
        r->status = (int)number(r, "status", 0);
    }
    if (number(r, "return", 0)) {
        return (int)number(r, "return", 0);
    }
    if (text(r, "redirect")) {
        ap_internal_redirect(text(r, "redirect"), r);
        return OK;
    }
    if (text(r, "sub")) {
        subrequest(r, text(r, "sub"));
    }
    write_blocks(r, bb);
    if (text(r, "pipe")) {
        write_pipe(r, bb, number(r, "pipe", 0));
    }
    if (text(r, "file")) {
        write_file(r, bb, text(r, "file"));
    }
    pause_for(r, "after");
    crash(text(r, "crash"));
    return number(r, "die", 0) ? (int)number(r, "die", 0) : OK;
}

static apr_status_t probe(ap_filter_t *f, apr_bucket_brigade *bb)
{
    request_rec *r = f->r;
    const char *seen = apr_table_get(r->notes, "probe");

    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        const char *name = apr_psprintf(
            r->pool, APR_BUCKET_IS_METADATA(b) ? "%s" : "%s:%" APR_SSIZE_T_FMT,
            b->type->name, (apr_ssize_t)b->length);

        if (seen && strlen(seen) > 200) {
            break;
        }
        seen = seen ? apr_pstrcat(r->pool, seen, " ", name, NULL) : name;
    }
    if (seen) {
        apr_table_setn(r->notes, "probe", seen);
    }
    return ap_pass_brigade(f->next, bb);
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_register_output_filter("PLAYCOUNT_TEST_PROBE", probe, NULL,
                              AP_FTYPE_RESOURCE - 8);
}

__attribute__((visibility("default")))
module AP_MODULE_DECLARE_DATA playcount_test_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
