/* import: add the counts of a listing. */
#include <inttypes.h>
#include <string.h>

#include "client/command/run.h"
#include "client/listing.h"

typedef struct {
    const char *name;
    const run_plan *plan;
    playcount_pack *pack;
    uint64_t *things, *plays;
    playcount_error error;
} importing;

static int import_entry(void *context, const char *id, uint64_t count)
{
    importing *i = context;

    ++*i->things;
    if (count == 0) {
        return 0;
    }
    *i->plays = count > PLAYCOUNT_COUNT_MAX - *i->plays ? PLAYCOUNT_COUNT_MAX
                                                        : *i->plays + count;
    return playcount_pack_add(i->pack, id, count, NULL, &i->error) < 0;
}

/* Which entry of the chunk is wrong: the last that was read, plus one. */
static exit_status wrong(const importing *i, uint64_t before, uint64_t offset,
                         const char *what)
{
    say("%s: entry %" PRIu64 " of the part from byte %" PRIu64 ": %s", i->name,
        *i->things - before + 1, offset, what);
    return EXIT_FILE;
}

static exit_status parse(void *context, const char *text, size_t n, uint64_t offset,
                         playcount_pack *pack, uint64_t *things, uint64_t *plays)
{
    importing *i = context;
    playcount_listing listing;
    uint64_t before = *things;

    i->pack = pack;
    i->things = things;
    i->plays = plays;
    playcount_listing_init(&listing, import_entry, i);
    /* A comma at the end has the next chunk's first entry behind it, or nothing. */
    if (text[n - 1] == '\n' || (text[n - 1] == ',' && !i->plan->last)) {
        n--;
    }
    playcount_status status = playcount_listing_read(&listing, text, n);
    if (status == PLAYCOUNT_OK) {
        status = playcount_listing_end(&listing);
    }
    if (status == PLAYCOUNT_E_STOPPED) {
        say("%s: %s", i->name, i->error.sentence);
        return exit_of(&i->error);
    }
    return status == PLAYCOUNT_OK ? EXIT_DONE
                                  : wrong(i, before, offset, listing.fault);
}

static exit_status report(const run_plan *plan)
{
    if (plan->a->json) {
        printf("{\"songs\":%" PRIu64 ",\"plays\":%" PRIu64 ",\"carried_on\":%s}\n",
               plan->things, plan->plays, plan->carried_on ? "true" : "false");
    }
    else if (!plan->a->quiet) {
        printf("%" PRIu64 " plays of %" PRIu64 " songs were added\n", plan->plays,
               plan->things);
    }
    return finish_output(EXIT_DONE);
}

exit_status command_import(const arguments *a)
{
    importing i = {.name = a->words[0]};
    run_plan plan = {.a = a,
                     .kind = "import",
                     .noun = "songs",
                     .separators = ",\n",
                     .chunk = 1 << 20,
                     .parse = parse,
                     .report = report,
                     .context = &i};

    i.plan = &plan;
    return run_file(&plan);
}
