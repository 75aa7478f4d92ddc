/* Files of User-Agents. See agent.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "media/rules/agent_private.h"
#include "media/rules/file.h"
#include "media/rules/listener.h"

/* A file while it is read. */
typedef struct {
    const char *path;
    playcount_pattern_list list;
    char *wrong;
    size_t wrong_size;
} reading;

playcount_agents *playcount_agents_new(void)
{
    playcount_agents *agents = calloc(1, sizeof(*agents));

    if (agents && playcount_random(agents->key, sizeof(agents->key))) {
        free(agents);
        agents = NULL;
    }
    return agents;
}

void playcount_agents_free(playcount_agents *agents)
{
    while (agents && agents->files) {
        agent_file *next = agents->files->next;

        playcount_patterns_free(agents->files->patterns);
        free(agents->files);
        agents->files = next;
    }
    free(agents);
}

/* --- JSON --- */

static int is_category_bot(const json_t *entry)
{
    const char *category = json_string_value(json_object_get(entry, "category"));

    return category && strcmp(category, "bot") == 0;
}

static int any_category_bot(const json_t *entries)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        if (is_category_bot(entry)) {
            return 1;
        }
    }
    return 0;
}

static int take_entries(reading *r, const json_t *entries)
{
    int only_bots = any_category_bot(entries);
    const json_t *entry;
    char why[256];
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        const char *pattern = json_string_value(json_object_get(entry, "pattern"));
        const char *wrong = NULL;

        if (only_bots && !is_category_bot(entry)) {
            continue;
        }
        wrong = pattern && *pattern
                    ? playcount_patterns_add(&r->list, pattern, why, sizeof(why))
                    : "it has no \"pattern\"";
        if (wrong) {
            snprintf(r->wrong, r->wrong_size, "%s, entry %zu%s%.80s: %s", r->path,
                     i + 1, pattern ? ", " : "", pattern ? pattern : "", wrong);
            return -1;
        }
    }
    return 0;
}

static int take_json(reading *r, const char *text, size_t n)
{
    json_error_t error;
    json_t *root = json_loadb(text, n, 0, &error);
    const json_t *entries =
        json_is_object(root) ? json_object_get(root, "entries") : root;
    int failed = -1;

    if (!root) {
        snprintf(r->wrong, r->wrong_size, "%s, line %d: %s", r->path, error.line,
                 error.text);
    }
    else if (!json_is_array(entries)) {
        snprintf(r->wrong, r->wrong_size,
                 "%s: it is neither an array of patterns nor an object with "
                 "\"entries\"",
                 r->path);
    }
    else {
        failed = take_entries(r, entries);
    }
    json_decref(root);
    return failed;
}

/* --- text --- */

static int take_lines(reading *r, char *text)
{
    char why[256], *line;

    for (int number = 1; (line = playcount_rules_line(&text)); number++) {
        size_t n = strlen(line);
        const char *wrong;

        if (!n || *line == '#') {
            continue;
        }
        if (n > 2 && *line == '/' && line[n - 1] == '/') {
            line[n - 1] = '\0';
            wrong = playcount_patterns_add(&r->list, line + 1, why, sizeof(why));
        }
        else {
            wrong = playcount_patterns_add_text(&r->list, line);
        }
        if (wrong) {
            snprintf(r->wrong, r->wrong_size, "%s, line %d: %s", r->path, number,
                     wrong);
            return -1;
        }
    }
    return 0;
}

static int take(reading *r)
{
    size_t n;
    char *text = playcount_rules_file(r->path, &n, r->wrong, r->wrong_size);
    const char *first = text ? text + strspn(text, " \t\r\n") : "";
    int failed = !text                            ? -1
                 : *first == '[' || *first == '{' ? take_json(r, text, n)
                                                  : take_lines(r, text);

    free(text);
    return failed;
}

/* At the end, so that files are asked in the order in which they were named. */
static int keep(playcount_agents *agents, playcount_patterns *patterns, int allow)
{
    agent_file *file = calloc(1, sizeof(*file)), **last = &agents->files;

    if (!file) {
        return -1;
    }
    file->patterns = patterns;
    file->allow = allow;
    while (*last) {
        last = &(*last)->next;
    }
    *last = file;
    return 0;
}

int playcount_agents_load(playcount_agents *agents, const char *path, int allow,
                          char *wrong, size_t wrong_size)
{
    reading r = {.path = path, .wrong = wrong, .wrong_size = wrong_size};
    playcount_patterns *patterns;
    char why[256];

    if (take(&r)) {
        free(r.list.text);
        return -1;
    }
    patterns = playcount_patterns_compile(&r.list, why, sizeof(why));
    if (!patterns) {
        snprintf(wrong, wrong_size, "%s: its patterns do not fit together: %s",
                 path, why);
        return -1;
    }
    if (keep(agents, patterns, allow != 0)) {
        playcount_patterns_free(patterns);
        snprintf(wrong, wrong_size, "%s: no memory", path);
        return -1;
    }
    for (int i = 0; i < AGENT_CELLS; i++) {
        agents->cells[i] = 0;
    }
    return 0;
}
