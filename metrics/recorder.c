/* What recorder/ has recorded and what it could not, on the metrics' page. */

#include "recorder/shown.h"

#include "metrics/formats.h"

typedef uint64_t value_fn(const playcount_recorder_shown *shown);

static uint64_t records(const playcount_recorder_shown *shown)
{
    return shown->records;
}

static uint64_t dropped(const playcount_recorder_shown *shown)
{
    return shown->dropped;
}

static uint64_t paused(const playcount_recorder_shown *shown)
{
    return (uint64_t)shown->paused;
}

static const struct {
    playcount_family family;
    value_fn *value;
} families[] = {
    {{"playcount_recorder_records", PLAYCOUNT_COUNTER, NULL,
      "Requests that PlaycountRecorder has recorded."},
     records},
    {{"playcount_recorder_dropped", PLAYCOUNT_COUNTER, NULL,
      "Requests that it has not recorded: the disk refused or was too slow."},
     dropped},
    {{"playcount_recorder_paused", PLAYCOUNT_GAUGE, NULL,
      "1 while the disk refuses records."},
     paused},
};

void playcount_write_recorder_prometheus(playcount_exposition *e)
{
    playcount_recorder_shown *shown;
    int n = playcount_recorder_show(e->w->r->pool, &shown);

    for (size_t f = 0; n && f < sizeof(families) / sizeof(families[0]); f++) {
        e->form->begin(e, &families[f].family);
        for (int i = 0; i < n; i++) {
            playcount_pair label = {"directory", shown[i].dir,
                                    strlen(shown[i].dir)};

            e->form->sample(e, &label, 1, families[f].value(&shown[i]), 1);
        }
        e->form->end(e);
    }
}

void playcount_write_recorder_json(playcount_writer *w)
{
    playcount_recorder_shown *shown;
    int n = playcount_recorder_show(w->r->pool, &shown);

    playcount_put(w, "[");
    for (int i = 0; i < n; i++) {
        playcount_json_string(w, i ? ",{" : "{", "directory", shown[i].dir);
        playcount_printf(w,
                         ",\"records\":%" APR_UINT64_T_FMT
                         ",\"dropped\":%" APR_UINT64_T_FMT ",\"paused\":%s}",
                         shown[i].records, shown[i].dropped,
                         shown[i].paused ? "true" : "false");
    }
    playcount_put(w, "]");
}
