/* The Accept header: see accept.h. */

#include "server/accept.h"

#include "apr_lib.h"

/* The end of an element or of a parameter: its comma, or `also`, outside of quoted
 * strings. */
static const char *end_of(const char *at, char also)
{
    int quoted = 0;

    for (; *at && (quoted || (*at != ',' && *at != also)); at++) {
        if (*at == '"') {
            quoted = !quoted;
        }
        else if (quoted && *at == '\\' && at[1]) {
            at++;
        }
    }
    return at;
}

static playcount_accept_e fit(const char *range, apr_size_t length,
                              const char *type)
{
    apr_size_t kind = strcspn(type, "/") + 1;

    if (length == strlen(type) && !ap_cstr_casecmpn(range, type, length)) {
        return PLAYCOUNT_NAMED;
    }
    if (length == kind + 1 && range[kind] == '*' &&
        !ap_cstr_casecmpn(range, type, kind)) {
        return PLAYCOUNT_KIND;
    }
    return length == 3 && !strncmp(range, "*/*", 3) ? PLAYCOUNT_ANY
                                                    : PLAYCOUNT_UNNAMED;
}

/* "1", "0.5", ".25" in thousandths; anything else is 0. Not by strtod(), whose
 * numbers need not fit an integer. */
static int read_weight(const char *at, const char *end)
{
    int whole = 0, thousandths = 0, place = 100;

    if (at < end && (*at == '0' || *at == '1')) {
        whole = *at++ - '0';
    }
    if (at < end && *at == '.') {
        for (at++; at < end && apr_isdigit(*at); at++, place /= 10) {
            thousandths += (*at - '0') * place;
        }
    }
    while (at < end && apr_isspace(*at)) {
        at++;
    }
    return at < end || (whole && thousandths) ? 0 : 1000 * whole + thousandths;
}

/* The weight in the parameters from `at`, the first ';', to `end`. */
static int weight(const char *at, const char *end)
{
    while (at < end) {
        const char *next;

        at++;
        at += strspn(at, " \t");
        next = end_of(at, ';');
        if ((*at == 'q' || *at == 'Q') && at[1] == '=') {
            return read_weight(at + 2, next);
        }
        at = next;
    }
    return 1000;
}

int playcount_accept_quality(const char *accept, const char *type,
                             playcount_accept_e *how)
{
    playcount_accept_e best = PLAYCOUNT_UNNAMED;
    int quality = 0;

    while (accept && *accept) {
        const char *range = accept + strspn(accept, " \t");
        const char *parameters = end_of(range, ';');
        const char *end = end_of(parameters, ',');
        playcount_accept_e fits = fit(range, strcspn(range, ";, \t"), type);

        if (fits > best) {
            best = fits;
            quality = weight(parameters, end);
        }
        accept = end + (*end == ',');
    }
    if (how) {
        *how = best;
    }
    return quality;
}

int playcount_accept_best(const char *accept, const char *const types[], int n)
{
    int best = 0, highest = 0;

    for (int i = 0; accept && i < n; i++) {
        int quality = playcount_accept_quality(accept, types[i], NULL);

        if (quality > highest) {
            highest = quality;
            best = i;
        }
    }
    return best;
}

int playcount_wants_json(const request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");
    playcount_accept_e how;
    int json;

    /* Most clients send no such header, and pay nothing for it. */
    if (!accept || !ap_strcasestr(accept, "json")) {
        return 0;
    }
    json = playcount_accept_quality(accept, "application/json", &how);
    return how == PLAYCOUNT_NAMED && json > 0 &&
           json >= playcount_accept_quality(accept, "text/plain", NULL);
}
