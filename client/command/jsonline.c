/* JSON lines. See jsonline.h. */
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "client/command/jsonline.h"
#include "client/id.h"

const char *jsonline_init(jsonline *j, const char *fields)
{
    memset(j, 0, sizeof(*j));
    j->names = strdup(fields ? fields
                             : "request=request,method=method,url=url,"
                               "query=query,status=status");
    if (!j->names) {
        return "no memory";
    }
    char *rest = NULL;
    for (char *item = strtok_r(j->names, ",", &rest); item;
         item = strtok_r(NULL, ",", &rest)) {
        char *name = strchr(item, '=');
        if (!name || !name[1]) {
            return "a field must be of the form FIELD=NAME";
        }
        *name++ = '\0';
        if (strcmp(item, "request") == 0) {
            j->request = name;
        }
        else if (strcmp(item, "method") == 0) {
            j->method = name;
        }
        else if (strcmp(item, "url") == 0) {
            j->url = name;
        }
        else if (strcmp(item, "query") == 0) {
            j->query = name;
        }
        else if (strcmp(item, "status") == 0) {
            j->status = name;
        }
        else {
            return "the fields are request, method, url, query and status";
        }
    }
    return j->request || j->url ? NULL : "request or url must be among the fields";
}

void jsonline_free(jsonline *j)
{
    free(j->names);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static char *put(char *to, const char *text, size_t n)
{
    memcpy(to, text, n);
    return to + n;
}

/* What httpd writes and JSON does not have becomes JSON: its escapes of bytes,
 * \xhh, and \v; "" for a user without a name, within quotation marks; - for a
 * number that is missing. `to` has room for three times n bytes and a NUL. */
static size_t as_json(const char *line, size_t n, char *to)
{
    static const char digits[] = "0123456789abcdef";
    char *o = to;
    bool in_string = false;

    for (size_t i = 0; i < n; i++) {
        if (line[i] == '"') {
            if (n - i > 3 && memcmp(line + i, "\"\"\"\"", 4) == 0) {
                i += 3;
                *o++ = '"';
            }
            else {
                in_string = !in_string;
            }
        }
        if (!in_string && line[i] == '-' && i + 1 < n &&
            strchr(",} ", line[i + 1])) {
            o = put(o, "null", 4);
            continue;
        }
        if (line[i] != '\\' || i + 1 == n) {
            *o++ = line[i];
            continue;
        }
        int high = n - i > 3 && line[i + 1] == 'x' ? hex(line[i + 2]) : -1;
        int low = high >= 0 ? hex(line[i + 3]) : -1;
        int byte = low >= 0 ? high << 4 | low : line[i + 1] == 'v' ? '\v' : -1;
        if (byte < 0) {
            *o++ = line[i++];
            *o++ = line[i];
            continue;
        }
        i += low >= 0 ? 3 : 1;
        if (byte >= 0x80) {
            *o++ = (char)byte;
            continue;
        }
        memcpy(o, "\\u00", 4);
        o[4] = digits[byte >> 4];
        o[5] = digits[byte & 15];
        o += 6;
    }
    *o = '\0';
    return (size_t)(o - to);
}

/* The member of this name, however deep its dots lead. */
static const json_t *find(const json_t *object, const char *name)
{
    char part[256];

    while (name && object) {
        const json_t *whole = json_object_get(object, name);
        const char *dot = strchr(name, '.');
        if (whole || !dot) {
            return whole;
        }
        size_t n = (size_t)(dot - name);
        if (n >= sizeof(part)) {
            return NULL;
        }
        memcpy(part, name, n);
        part[n] = '\0';
        object = json_object_get(object, part);
        name = dot + 1;
    }
    return NULL;
}

static const char *text_of(const json_t *object, const char *name, size_t *n)
{
    const json_t *value = name ? find(object, name) : NULL;
    *n = json_string_length(value);
    return json_string_value(value);
}

/* Method and target into `to`, which has room for the whole line. */
static int take(const jsonline *j, const json_t *object, char *to,
                accesslog_line *out)
{
    size_t n, method_n, query_n;
    const char *request = text_of(object, j->request, &n);

    memset(out, 0, sizeof(*out));
    const json_t *status = j->status ? find(object, j->status) : NULL;
    out->status = json_is_integer(status)  ? (int)json_integer_value(status)
                  : json_is_string(status) ? atoi(json_string_value(status))
                                           : 0;
    if (j->status && (out->status < 100 || out->status > 999)) {
        return -1;
    }
    if (request) {
        put(to, request, n);
        return accesslog_request(to, n, out);
    }
    const char *url = text_of(object, j->url, &n);
    const char *method = text_of(object, j->method, &method_n);
    const char *query = text_of(object, j->query, &query_n);
    if (!url || !n || (j->method && !method)) {
        return -1;
    }
    out->method = method ? to : NULL;
    out->method_n = method_n;
    to = method ? put(to, method, method_n) : to;
    out->target = to;
    to = put(to, url, n);
    if (query && query_n) {
        if (*query != '?') {
            *to++ = '?';
        }
        to = put(to, query, query_n);
    }
    out->target_n = (size_t)(to - out->target);
    return 0;
}

int jsonline_parse(const jsonline *j, const char *line, size_t n, char **memory,
                   size_t *memory_n, accesslog_line *out)
{
    size_t want = 3 * n + 64;

    if (*memory_n < want) {
        char *more = realloc(*memory, want);
        if (!more) {
            return -1;
        }
        *memory = more;
        *memory_n = want;
    }
    char *text = *memory;
    size_t length = as_json(line, n, text);
    if (strlen(text) != length) {
        return -1;
    }
    playcount_text_clean(text); /* what is not UTF-8 is in no id */
    json_t *object = json_loadb(text, length, JSON_ALLOW_NUL, NULL);
    int failed = !json_is_object(object) || take(j, object, text, out);
    json_decref(object);
    return failed ? -1 : 0;
}
