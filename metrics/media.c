/* What media/ has counted, on the metrics' page. */

#include "metrics/formats.h"

#include "media/media.h"

static void write_gauge(playcount_exposition *e, const char *name, const char *unit,
                        const char *help, uint64_t value)
{
    playcount_family family = {name, PLAYCOUNT_GAUGE, unit, help};

    e->form->begin(e, &family);
    e->form->sample(e, NULL, 0, value, 1);
    e->form->end(e);
}

static void write_deliveries(playcount_exposition *e,
                             const playcount_media_shown *m)
{
    static const playcount_family family = {"playcount_media_deliveries",
                                            PLAYCOUNT_COUNTER, NULL,
                                            "Deliveries of media, by verdict."};

    e->form->begin(e, &family);
    for (int v = 0; v < m->verdicts; v++) {
        playcount_pair label = {"verdict", m->name[v], strlen(m->name[v])};

        e->form->sample(e, &label, 1, m->count[v], 1);
    }
    e->form->end(e);
}

void playcount_write_media_prometheus(playcount_exposition *e)
{
    const playcount_media_shown *m = playcount_media_show(e->w->r->pool);

    if (!m) {
        return;
    }
    write_deliveries(e, m);
    write_gauge(e, "playcount_media_downloads", NULL,
                "Downloads counted today (UTC).", m->downloads);
    write_gauge(e, "playcount_media_downloads_limit", NULL,
                "PlaycountMediaTable downloads=.", m->downloads_most);
    write_gauge(e, "playcount_media_open", NULL,
                "Listeners known who have a part of a file.", m->open);
    write_gauge(e, "playcount_media_open_limit", NULL, "PlaycountMediaTable open=.",
                m->open_most);
    write_gauge(e, "playcount_media_memory_bytes", "bytes",
                "Shared memory of what is known of listeners.", m->bytes);
    write_gauge(e, "playcount_media_file_lost", NULL,
                "1 while the tables' file is not under its name any more.",
                (uint64_t)m->file_lost);
}

void playcount_write_media_json(playcount_writer *w)
{
    const playcount_media_shown *m = playcount_media_show(w->r->pool);

    if (!m) {
        playcount_put(w, "null");
        return;
    }
    playcount_put(w, "{\"deliveries\":{");
    for (int v = 0; v < m->verdicts; v++) {
        playcount_printf(w, "%s\"%s\":%" APR_UINT64_T_FMT, v ? "," : "", m->name[v],
                         m->count[v]);
    }
    playcount_printf(w,
                     "},\"downloads\":%" APR_UINT64_T_FMT
                     ",\"downloads_limit\":%" APR_UINT64_T_FMT
                     ",\"open\":%" APR_UINT64_T_FMT
                     ",\"open_limit\":%" APR_UINT64_T_FMT
                     ",\"memory_bytes\":%" APR_UINT64_T_FMT ",\"file_lost\":%s}",
                     m->downloads, m->downloads_most, m->open, m->open_most,
                     m->bytes, m->file_lost ? "true" : "false");
}
