/* Ids: decoded from a path, checked, and written in every form that can be read
 * back.
 */

#include "fuzz/body.h"

static void check_forms(const char *id, size_t length)
{
    char *out = malloc(PLAYCOUNT_ESCAPED_MAX);
    char *back = malloc(PLAYCOUNT_ID_MAX);
    apr_size_t n = playcount_listing_escape(out, id, length);

    CHECK(n <= PLAYCOUNT_ESCAPED_MAX && !memchr(out, ',', n) &&
          !memchr(out, '=', n) && !memchr(out, '\n', n) && *out != ' ');
    CHECK(playcount_percent_decode(back, PLAYCOUNT_ID_MAX, out, n, 0) ==
          (apr_ssize_t)length);
    CHECK(!memcmp(back, id, length));
    n = playcount_url_escape_id(out, id, length);
    CHECK(n <= PLAYCOUNT_ESCAPED_MAX && !memchr(out, ' ', n) &&
          !memchr(out, '?', n));
    CHECK(playcount_percent_decode(back, PLAYCOUNT_ID_MAX, out, n, 0) ==
          (apr_ssize_t)length);
    CHECK(!memcmp(back, id, length));
    CHECK(playcount_json_escape(out, id, length) <= PLAYCOUNT_ESCAPED_MAX);
    free(back);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *id = malloc(size + 1);
    apr_ssize_t n;
    uint64_t number;

    memcpy(text, data, size);
    text[size] = '\0';
    n = playcount_percent_decode(id, size, text, size, 0);
    CHECK(n >= -1 && n <= (apr_ssize_t)size);
    if (n >= 0) {
        id[n] = '\0'; /* playcount_plain_length() reads up to a NUL */
        CHECK(playcount_percent_decode(text, size, text, size, 0) == n);
        CHECK(!memcmp(text, id, (size_t)n));
        if (!playcount_id_error(id, (apr_size_t)n)) {
            CHECK(n >= 1 && n <= PLAYCOUNT_ID_MAX);
            check_forms(id, (size_t)n);
        }
    }
    number = playcount_read_number((const char *)data, size, PLAYCOUNT_MAX);
    CHECK(number <= PLAYCOUNT_MAX);
    free(id);
    free(text);
    return 0;
}
