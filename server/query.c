/* The query of a URL: see query.h. */

#include "server/query.h"

#include <string.h>

#include "apr_strings.h"

#include "server/text.h"

int playcount_query_find(const char *query, apr_size_t length, const char *name,
                         const char **value, apr_size_t *value_length)
{
    apr_size_t name_length = strlen(name);
    const char *end = query + length;
    int times = 0;

    while (query < end) {
        const char *ampersand = memchr(query, '&', (apr_size_t)(end - query));
        const char *next = ampersand ? ampersand : end;
        apr_size_t n = (apr_size_t)(next - query);

        if (n >= name_length && !memcmp(query, name, name_length) &&
            (n == name_length || query[name_length] == '=') && !times++) {
            *value = query + name_length + (n > name_length);
            *value_length = (apr_size_t)(next - *value);
        }
        query = next + 1;
    }
    return times;
}

const char *playcount_query_value(apr_pool_t *p, const char *query,
                                  const char *name, const char **error)
{
    const char *encoded;
    char *value;
    apr_size_t length;
    apr_ssize_t decoded;
    int times =
        query ? playcount_query_find(query, strlen(query), name, &encoded, &length)
              : 0;

    if (!times) {
        return NULL;
    }
    if (times > 1) {
        *error = apr_pstrcat(p, "The parameter ", name, " is there more than once.",
                             NULL);
        return NULL;
    }
    value = apr_palloc(p, length + 1);
    decoded = playcount_percent_decode(value, length, encoded, length, 1);
    if (decoded < 0) {
        *error = apr_pstrcat(p, "The parameter ", name,
                             " has a % that is not followed by two hexadecimal "
                             "digits other than 00.",
                             NULL);
        return NULL;
    }
    value[decoded] = '\0';
    return value;
}

const char *playcount_query_number(apr_pool_t *p, const char *query,
                                   const char *name, uint64_t most, uint64_t *n)
{
    const char *error = NULL;
    const char *text = playcount_query_value(p, query, name, &error);

    if (!text) {
        return error;
    }
    *n = playcount_read_number(text, strlen(text), most);
    return *n ? NULL
              : apr_psprintf(
                    p, "%s is not a whole number from 1 to %" APR_UINT64_T_FMT ".",
                    name, most);
}
