/* The tasks besides requests, and how each is doing, on the metrics' page: see
 * server/watchdog.h. */

#include "metrics/formats.h"

#include "server/watchdog.h"

typedef uint64_t value_fn(const playcount_task *task);

static uint64_t still(const playcount_task *task)
{
    return task->still / 1000;
}

static uint64_t taken(const playcount_task *task)
{
    return task->taken;
}

static const struct {
    playcount_family family;
    value_fn *value;
} shown[] = {
    {{"playcount_task_still_seconds", PLAYCOUNT_GAUGE, "seconds",
      "Since the process that does the task last showed that it runs."},
     still},
    {{"playcount_task_takeovers", PLAYCOUNT_COUNTER, NULL,
      "How often the task was taken from a process that stood still."},
     taken},
};

void playcount_write_tasks_prometheus(playcount_exposition *e)
{
    int n;
    const playcount_task *task = playcount_watch_tasks(&n, e->w->r->pool);

    for (size_t f = 0; n && f < sizeof(shown) / sizeof(shown[0]); f++) {
        e->form->begin(e, &shown[f].family);
        for (int i = 0; i < n; i++) {
            playcount_pair label = {"task", task[i].task, strlen(task[i].task)};

            e->form->sample(e, &label, 1, shown[f].value(&task[i]), 1);
        }
        e->form->end(e);
    }
}

void playcount_write_tasks_json(playcount_writer *w)
{
    int n;
    const playcount_task *task = playcount_watch_tasks(&n, w->r->pool);

    playcount_put(w, "[");
    for (int i = 0; i < n; i++) {
        playcount_json_string(w, i ? ",{" : "{", "task", task[i].task);
        playcount_printf(w,
                         ",\"process\":%" APR_UINT64_T_FMT
                         ",\"still_seconds\":%" APR_UINT64_T_FMT
                         ",\"takeovers\":%" APR_UINT64_T_FMT "}",
                         task[i].process, still(&task[i]), task[i].taken);
    }
    playcount_put(w, "]");
}
