/* What a request says in its Accept header and its query. */

#include "fuzz/body.h"

#include <strings.h>

#include "server/accept.h"
#include "server/query.h"

/* httpd's, which is not linked here. */
int ap_cstr_casecmpn(const char *a, const char *b, apr_size_t n)
{
    return strncasecmp(a, b, n);
}

char *ap_strcasestr(const char *text, const char *part)
{
    return (char *)(uintptr_t)strcasestr(text, part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"text/plain", "application/json", "*/x"};
    char *text = malloc(size + 1);
    const char *error = NULL, *value;
    uint64_t n = 0;
    apr_pool_t *pool;

    fuzz_zone(); /* APR is there then */
    apr_pool_create(&pool, NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    for (int i = 0; i < 3; i++) {
        playcount_accept_e how;
        int quality = playcount_accept_quality(text, types[i], &how);

        CHECK(quality >= 0 && quality <= 1000);
        CHECK(how != PLAYCOUNT_UNNAMED || quality == 0);
    }
    CHECK(playcount_accept_best(text, types, 3) < 3);
    value = playcount_query_value(pool, text, "top", &error);
    CHECK(!value || (!error && strlen(value) <= size));
    error = playcount_query_number(pool, text, "limit", 1000, &n);
    CHECK(error || n <= 1000);
    apr_pool_destroy(pool);
    free(text);
    return 0;
}
