/* State files, as they may be found beside a file: of import, of replay, of export.
 * They are taken or refused, with a sentence, which is swallowed here.
 */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command/exportfile.h"
#include "client/command/replaystate.h"
#include "client/command/runstate.h"
#include "client/command/statefile.h"
#include "fuzz/client.h"

static char directory[] = "/dev/shm/playcount-fuzz-XXXXXX";
static int said;

/* In place of say(), see fuzz.mk. */
void __wrap_say(const char *format, ...);
void __wrap_say(const char *format, ...)
{
    CHECK(*format);
    said++;
}

static const char *path(const char *name)
{
    static char paths[4][128];
    static int next;
    char *out = paths[next++ % 4];

    snprintf(out, sizeof(paths[0]), "%s/%s", directory, name);
    return out;
}

static void clean(void)
{
    static const char *const names[] = {"f", "f.playcount-import",
                                        "f.playcount-replay", "f.playcount-export",
                                        "f.playcount-export-state"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        unlink(path(names[i]));
    }
}

static void remove_directory(void)
{
    clean();
    rmdir(directory);
}

static void spew(const char *name, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path(name), "w");

    CHECK(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void open_run(const arguments *a)
{
    run_plan plan = {.a = a, .kind = "import"};
    runstate state;

    if (runstate_open(&state, &plan, path("f")) == EXIT_DONE && state.found) {
        CHECK(runstate_save(&state) == EXIT_DONE);
    }
    runstate_free(&state);
}

static void open_replay(const arguments *a)
{
    replaystate state;

    memset(&state, 0, sizeof(state));
    if (replaystate_open(&state, a, path("f.playcount-replay"), 1) == EXIT_DONE) {
        CHECK(!state.pending || state.pending_file < state.known.n);
        CHECK(replaystate_save(&state) == EXIT_DONE);
    }
    replaystate_close(&state);
}

static void open_export(const arguments *a, const uint8_t *data, size_t size)
{
    exportfile file;

    memset(&file, 0, sizeof(file));
    spew("f.playcount-export", data, size);
    if (exportfile_open(&file, a->client, path("f")) == EXIT_DONE) {
        CHECK(exportfile_add(&file, "a", 1) == 0);
        exportfile_note(&file);
    }
    exportfile_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static arguments a;

    if (!a.client) {
        CHECK(mkdtemp(directory));
        atexit(remove_directory);
        a.client = fuzz_client("http://127.0.0.1:8000/");
    }
    if (!size) {
        return 0;
    }
    clean();
    data++;
    size--;
    switch (data[-1] % 3) {
    case 0:
        spew("f.playcount-import", data, size);
        open_run(&a);
        break;
    case 1:
        spew("f.playcount-replay", data, size);
        open_replay(&a);
        break;
    default:
        spew("f.playcount-export-state", data, size);
        open_export(&a, (const uint8_t *)"1=2,3=4,", 8);
    }
    return 0;
}
