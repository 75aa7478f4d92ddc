/* The measured values as notes of a request, `playcount-request-time` and so on,
 * for LogFormat's %{...}n, expressions and other modules.
 *
 * They are seldom wanted, and they would take a third of the time that measuring
 * takes. So a request has them only if some directive of the configuration names
 * one of them, or if PlaycountNotes On says that a module will ask. The names are
 * added when the handler starts, without values: at the end, when the values are
 * known, nothing is allocated.
 */

#include "metrics/metrics.h"
#include "shm/hot.h"

#include "apr_strings.h"
#include "http_config.h"

#include "server/text.h"

enum { NOTES = PLAYCOUNT_FIGURES + 1 };

static const char *const names[NOTES] = {
    "playcount-request-time",  "playcount-application-time",
    "playcount-output-time",   "playcount-output-blocks",
    "playcount-output-length", "playcount-route"};

typedef struct playcount_notes {
    const request_rec *of; /* the last request that has them; only compared */
    char value[PLAYCOUNT_FIGURES][PLAYCOUNT_DIGITS_MAX + 1];
    char route[PLAYCOUNT_LABEL_MAX + 1];
} playcount_notes;

PLAYCOUNT_AT_HAND int playcount_notes_wanted;

/* Whether a directive here or in a section of it names a note. */
static int are_named(const ap_directive_t *d)
{
    for (; d; d = d->next) {
        for (int n = 0; d->args && n < NOTES; n++) {
            if (ap_strcasestr(d->args, names[n])) {
                return 1;
            }
        }
        if (are_named(d->first_child)) {
            return 1;
        }
    }
    return 0;
}

void playcount_notes_look(const playcount_metrics_server *conf)
{
    playcount_notes_wanted =
        conf->notes >= 0 ? conf->notes : are_named(ap_conftree);
}

void playcount_notes_add(playcount_sample *s, request_rec *r)
{
    if (!s->notes) {
        s->notes = apr_pcalloc(r->pool, sizeof(*s->notes));
    }
    if (s->notes->of == r) {
        return;
    }
    s->notes->of = r;
    for (int n = 0; n < NOTES; n++) {
        apr_table_addn(r->notes, names[n],
                       n < PLAYCOUNT_FIGURES ? s->notes->value[n]
                                             : s->notes->route);
    }
}

void playcount_notes_fill(const playcount_sample *s, request_rec *r)
{
    for (int f = 0; f < PLAYCOUNT_FIGURES; f++) {
        s->notes->value[f][playcount_digits(s->notes->value[f], s->value[f])] =
            '\0';
    }
    apr_cpystrn(s->notes->route, playcount_route_name(r->pool, s->route),
                sizeof(s->notes->route));
}
