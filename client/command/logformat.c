/* LogFormat strings as patterns. See logformat.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "client/command/jsonline.h"
#include "client/command/logformat.h"

/* A value as httpd escapes it: the shortest that fits, and all up to a quotation
 * mark. */
#define VALUE "(?:[^\"\\\\]|\\\\.)*?"
#define QUOTED "(?:[^\"\\\\]++|\\\\.)*+"

/* Where "%r" %>s is, in all formats that are common. */
#define USUAL "^(?:[^\"\\\\]++|\\\\.|\"\")*+\"(" QUOTED ")\" (\\d{3})(?: |$)"

/* What a line that does not fit may cost; lines come from strangers. */
enum { MATCH_LIMIT = 1000000 };

enum {
    REQUEST,
    METHOD,
    PATH,
    QUERY,
    STATUS,
    VALUES,
    PARTS = VALUES + ACCESSLOG_VALUES
};

struct logformat {
    bool is_json;
    jsonline json;
    pcre2_code *pattern;
    pcre2_match_data *groups;
    pcre2_match_context *limits;
    int group[PARTS]; /* which group of the pattern it is; 0: not in the format */
    char *memory;     /* of the last line's parts */
    size_t memory_n;
};

static const struct {
    const char *name, *format;
} known[] = {
    {"common", "%h %l %u %t \"%r\" %>s %b"},
    {"vhost_common", "%v:%p %h %l %u %t \"%r\" %>s %b"},
    {"combined", "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""},
    {"vhost_combined",
     "%v:%p %h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""},
    {"media", "%a %t \"%r\" %>s %B \"%{User-Agent}i\" %^Pv %^Px %^Pt \"%^Pi\""},
};

/* A directive: %{argument}letter, or %^ and two letters. */
typedef struct {
    char letter; /* '^': then `two` has the others */
    char two[3];
    const char *argument; /* NULL: none */
    size_t argument_n;
    bool quoted; /* a quotation mark is on both sides of it */
} item;

/* What is wanted, but for the request and the status. */
static const struct {
    const char *item, *argument;
    accesslog_value value;
} wanted[] = {
    {"a", NULL, ACCESSLOG_ADDRESS},
    {"h", NULL, ACCESSLOG_HOST},
    {"i", "User-Agent", ACCESSLOG_AGENT},
    {"t", NULL, ACCESSLOG_TIME},
    {"t", "sec", ACCESSLOG_TIME_SEC},
    {"t", "begin:sec", ACCESSLOG_TIME_SEC},
    {"t", "msec", ACCESSLOG_TIME_MSEC},
    {"t", "begin:msec", ACCESSLOG_TIME_MSEC},
    {"t", "usec", ACCESSLOG_TIME_USEC},
    {"t", "begin:usec", ACCESSLOG_TIME_USEC},
    {"B", NULL, ACCESSLOG_BODY},
    {"b", NULL, ACCESSLOG_BODY},
    {"O", NULL, ACCESSLOG_OUT},
    {"i", "Range", ACCESSLOG_RANGE},
    {"o", "Content-Range", ACCESSLOG_CONTENT_RANGE},
    {"i", "Sec-Purpose", ACCESSLOG_PURPOSE},
    {"o", "Content-Encoding", ACCESSLOG_ENCODING},
    {"o", "Content-Type", ACCESSLOG_TYPE},
    {"Pv", NULL, ACCESSLOG_VERDICT},
    {"Px", NULL, ACCESSLOG_INTERVALS},
    {"Pt", NULL, ACCESSLOG_THRESHOLD},
    {"Pi", NULL, ACCESSLOG_SONG},
};

static void put_literal(FILE *out, char c)
{
    if (strchr("\\^$.[]|()?*+{}#", c)) {
        fputc('\\', out);
    }
    fputc(c, out);
}

/* Header names in any case, all else as it is. */
static bool same_argument(const item *i, const char *argument)
{
    size_t n = argument ? strlen(argument) : 0;

    if (!i->argument || !argument) {
        return !i->argument && !argument;
    }
    return n == i->argument_n &&
           (i->letter == 't' ? memcmp(argument, i->argument, n) == 0
                             : strncasecmp(argument, i->argument, n) == 0);
}

/* Which part of a line it is; PARTS: none that is wanted. */
static int part_of(const item *i)
{
    static const char usual[] = "rmUqs"; /* in the order of the parts */
    const char *name = i->letter == '^' ? i->two : (const char[]){i->letter, '\0'};
    const char *at =
        i->argument || i->letter == '^' ? NULL : strchr(usual, i->letter);

    if (at) {
        return (int)(at - usual);
    }
    for (size_t w = 0; w < sizeof(wanted) / sizeof(*wanted); w++) {
        if (strcmp(wanted[w].item, name) == 0 &&
            same_argument(i, wanted[w].argument)) {
            return VALUES + (int)wanted[w].value;
        }
    }
    return PARTS;
}

static void put_directive(logformat *f, FILE *out, const item *i, int *groups)
{
    const char *value = i->quoted ? QUOTED : VALUE;
    int part = part_of(i);
    bool taken = part < PARTS && !f->group[part];

    if (taken) {
        f->group[part] = ++*groups;
    }
    fputs(taken ? "(" : "(?:", out);
    if (i->letter == 'u') {
        fputs("\"\"|", out);
    }
    if (part == QUERY) {
        fputs("|\\?", out); /* nothing, or a question mark and the query */
    }
    fputs(part == STATUS                     ? "\\d{3}"
          : i->letter == 't' && !i->argument ? "\\[[^\\]]*\\]"
                                             : value,
          out);
    fputc(')', out);
}

static bool is_quote(const char *s)
{
    return *s == '"' || (*s == '\\' && s[1] == '"');
}

/* One directive, behind its %; `opened`: a quotation mark is before it. Where it
 * ends; NULL: it is not one. */
static const char *directive(logformat *f, FILE *out, const char *s, bool opened,
                             int *groups)
{
    item i = {0};

    /* Conditions (!200,304), which request (< >), and the argument, in any order.
     */
    for (;;) {
        if (*s == '{') {
            i.argument = s + 1;
            s = strchr(s, '}');
            if (!s) {
                return NULL;
            }
            i.argument_n = (size_t)(s - i.argument);
            s++;
        }
        else if (*s && strchr("!<>,0123456789", *s)) {
            s++;
        }
        else {
            break;
        }
    }
    if (*s == '^') { /* a directive of two letters */
        if (!s[1] || !s[2]) {
            return NULL;
        }
        memcpy(i.two, s + 1, 2);
        i.letter = '^';
        i.quoted = opened && is_quote(s + 3);
        put_directive(f, out, &i, groups);
        return s + 3;
    }
    if (*s == '%') {
        put_literal(out, '%');
        return s + 1;
    }
    if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z'))) {
        return NULL;
    }
    i.letter = *s;
    i.quoted = opened && is_quote(s + 1);
    put_directive(f, out, &i, groups);
    return s + 1;
}

/* A backslash as httpd's configuration and then mod_log_config take it. */
static const char *escape(FILE *out, const char *s)
{
    switch (*s) {
    case 't':
        fputc('\t', out);
        return s + 1;
    case 'n':
    case 'r': /* at the end of a line, as \r\n; the line has neither */
        return s + 1;
    case '"':
    case '\\':
        put_literal(out, *s);
        return s + 1;
    default:
        put_literal(out, '\\');
        return s;
    }
}

static const char *make_pattern(logformat *f, FILE *out, const char *format)
{
    int groups = 0;

    fputc('^', out);
    for (const char *s = format; *s;) {
        if (*s == '%') {
            s = directive(f, out, s + 1, s > format && s[-1] == '"', &groups);
            if (!s) {
                return "a % is not followed by a directive of LogFormat";
            }
        }
        else if (*s == '\\') {
            s = escape(out, s + 1);
        }
        else {
            put_literal(out, *s++);
        }
    }
    fputs("\\z", out);
    return f->group[REQUEST] || f->group[PATH]
               ? NULL
               : "the request is not in it: %r or %U is needed";
}

static const char *compile(logformat *f, const char *pattern)
{
    PCRE2_SIZE where;
    int code;

    f->pattern = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                               PCRE2_DOTALL, &code, &where, NULL);
    if (!f->pattern) {
        return "it is too complicated";
    }
    pcre2_jit_compile(f->pattern, PCRE2_JIT_COMPLETE); /* faster where available */
    f->groups = pcre2_match_data_create_from_pattern(f->pattern, NULL);
    f->limits = pcre2_match_context_create(NULL);
    if (!f->groups || !f->limits) {
        return "no memory";
    }
    pcre2_set_match_limit(f->limits, MATCH_LIMIT);
    return NULL;
}

static const char *use_format(logformat *f, const char *format)
{
    char *pattern = NULL;
    size_t n;

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        format = strcmp(known[i].name, format) == 0 ? known[i].format : format;
    }
    FILE *out = open_memstream(&pattern, &n);
    if (!out) {
        return "no memory";
    }
    const char *wrong = make_pattern(f, out, format);
    if (fclose(out) != 0 && !wrong) {
        wrong = "no memory";
    }
    wrong = wrong ? wrong : compile(f, pattern);
    free(pattern);
    return wrong;
}

logformat *logformat_new(const char *format, char *wrong)
{
    logformat *f = calloc(1, sizeof(*f));
    const char *why = f ? NULL : "no memory";

    if (f && !format) {
        f->group[REQUEST] = 1;
        f->group[STATUS] = 2;
        why = compile(f, USUAL);
    }
    else if (f && strncmp(format, "json", 4) == 0 &&
             (!format[4] || format[4] == ':')) {
        f->is_json = true;
        why = jsonline_init(&f->json, format[4] ? format + 5 : NULL);
    }
    else if (f) {
        why = use_format(f, format);
    }
    if (why) {
        snprintf(wrong, LOGFORMAT_WRONG, "%s", why);
        logformat_free(f);
        return NULL;
    }
    return f;
}

void logformat_free(logformat *f)
{
    if (f) {
        jsonline_free(&f->json);
        pcre2_match_data_free(f->groups);
        pcre2_match_context_free(f->limits);
        pcre2_code_free(f->pattern);
        free(f->memory);
        free(f);
    }
}

bool logformat_has_method(const logformat *f)
{
    return f->is_json ? f->json.request || f->json.method
                      : f->group[REQUEST] || f->group[METHOD];
}

bool logformat_has_status(const logformat *f)
{
    return f->is_json ? f->json.status != NULL : f->group[STATUS] != 0;
}

bool logformat_has(const logformat *f, accesslog_value value)
{
    return !f->is_json && f->group[VALUES + (int)value] != 0;
}

/* A part of the line, unescaped, behind what is in memory already. */
static char *part(logformat *f, const char *line, int which, size_t *used,
                  size_t *n)
{
    const PCRE2_SIZE *at =
        pcre2_get_ovector_pointer(f->groups) + 2 * f->group[which];
    char *to = f->memory + *used;

    *n = f->group[which] ? accesslog_unescape(line + at[0], at[1] - at[0], to) : 0;
    *used += *n;
    return to;
}

/* What else is wanted, each with a NUL behind it. */
static void take_values(logformat *f, const char *line, size_t *used,
                        accesslog_line *out)
{
    for (int v = 0; v < ACCESSLOG_VALUES; v++) {
        if (f->group[VALUES + v]) {
            char *text = part(f, line, VALUES + v, used, &out->value[v].n);

            out->value[v].text = text;
            text[out->value[v].n] = '\0';
            ++*used;
        }
    }
}

static int take_parts(logformat *f, const char *line, accesslog_line *out)
{
    size_t used = 0, n;

    if (f->group[STATUS]) {
        out->status = atoi(part(f, line, STATUS, &used, &n));
        if (out->status < 100) {
            return -1;
        }
    }
    take_values(f, line, &used, out);
    if (f->group[REQUEST]) {
        char *request = part(f, line, REQUEST, &used, &n);
        return accesslog_request(request, n, out);
    }
    if (f->group[METHOD]) {
        out->method = part(f, line, METHOD, &used, &out->method_n);
        if (!out->method_n) {
            return -1; /* httpd writes "-" for what it has not got */
        }
    }
    out->target = part(f, line, PATH, &used, &out->decoded_n);
    part(f, line, QUERY, &used, &n);
    out->target_n = out->decoded_n + n;
    return out->decoded_n ? 0 : -1;
}

int logformat_parse(logformat *f, const char *line, size_t n, accesslog_line *out)
{
    if (n && line[n - 1] == '\r') {
        n--;
    }
    if (f->is_json) {
        return jsonline_parse(&f->json, line, n, &f->memory, &f->memory_n, out);
    }
    if (f->memory_n < n + 8 + ACCESSLOG_VALUES) {
        char *more = realloc(f->memory, 2 * n + 64);
        if (!more) {
            return -1;
        }
        f->memory = more;
        f->memory_n = 2 * n + 64;
    }
    memset(out, 0, sizeof(*out));
    int found =
        pcre2_match(f->pattern, (PCRE2_SPTR)line, n, 0, 0, f->groups, f->limits);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) { /* a long line */
        found = pcre2_match(f->pattern, (PCRE2_SPTR)line, n, 0, PCRE2_NO_JIT,
                            f->groups, f->limits);
    }
    if (found < 0) {
        return -1;
    }
    memset(f->memory, 0, 8); /* ends the status, which is read as a number */
    return take_parts(f, line, out);
}
