/* In which presentation a file is a segment. See hls.h.
 *
 * Playlists and segments name each other by relative addresses, so the directories
 * on the disk are enough: the playlists beside the file and one directory above are
 * read, in the order of their names, and the first that has the file is its
 * playlist. The first master beside or above that one that has it is the
 * presentation; without a master it is the playlist itself.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/rules/file.h"
#include "media/rules/hls.h"

enum { PATH_MOST = 4096, TEXT_MAX = 4 << 20 };

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The path of a relative address, decoded, without a query. 0: it is not one, or is
 * too long. */
static int decode(const char *uri, size_t n, char *out, size_t room)
{
    size_t used = 0;

    for (size_t i = 0; i < n && uri[i] != '?' && uri[i] != '#'; i++) {
        char c = uri[i];

        if (c == ':' || used + 1 >= room) {
            return 0;
        }
        if (c == '%' && i + 2 < n && hex(uri[i + 1]) >= 0 && hex(uri[i + 2]) >= 0) {
            c = (char)(hex(uri[i + 1]) << 4 | hex(uri[i + 2]));
            i += 2;
        }
        if (!c) {
            return 0;
        }
        out[used++] = c;
    }
    out[used] = '\0';
    return used && *out != '/';
}

/* Take "." and ".." out of a path, as far as that goes without looking at the disk.
 */
static void normalise(char *path)
{
    char *root = path + (*path == '/'), *out = root;
    const char *in = root, *end = root + strlen(root);

    while (in < end) {
        size_t n = strcspn(in, "/");
        const char *next = in + n + (in[n] == '/');

        if (n == 2 && in[0] == '.' && in[1] == '.' && out > root &&
            !(out - root >= 3 && memcmp(out - 3, "../", 3) == 0)) {
            for (out--; out > root && out[-1] != '/'; out--) {
            }
        }
        else if (n && !(n == 1 && *in == '.')) {
            memmove(out, in, n);
            out += n;
            *out++ = '/'; /* over what was read, or the end */
        }
        in = next;
    }
    *(out > root ? out - 1 : out) = '\0';
}

/* Does this address, in a playlist of this directory, lead to this path? */
static int leads_to(const char *directory, const char *uri, size_t n,
                    const char *path)
{
    char name[PATH_MOST], whole[2 * PATH_MOST];

    if (!decode(uri, n, name, sizeof(name))) {
        return 0;
    }
    snprintf(whole, sizeof(whole), "%s/%s", directory, name);
    normalise(whole);
    return strcmp(whole, path) == 0;
}

/* --- looking for one path in one playlist --- */

typedef struct {
    const char *directory; /* of the playlist */
    const char *path;      /* what is looked for */
    playcount_hls_segment *segments;
    size_t n, room;
    int found;
    unsigned lists; /* playlists that were there */
} search;

static int take(void *context, const playcount_hls_item *item)
{
    search *s = context;

    if (!leads_to(s->directory, item->uri, item->uri_n, s->path)) {
        return 0;
    }
    s->found = 1;
    if (item->from == item->to) {
        return 0;
    }
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 4;
        playcount_hls_segment *more = realloc(s->segments, room * sizeof(*more));

        if (!more) {
            return 1;
        }
        s->segments = more;
        s->room = room;
    }
    s->segments[s->n++] = (playcount_hls_segment){
        .from = item->from, .to = item->to, .begin = item->begin, .end = item->end};
    return 0;
}

/* Whether this playlist is of the kind and has what is looked for. */
static int in_playlist(search *s, const char *name, playcount_hls_e kind,
                       uint64_t *total)
{
    char path[2 * PATH_MOST], wrong[256], *text;
    size_t n;
    int right;

    snprintf(path, sizeof(path), "%s/%s", s->directory, name);
    text = playcount_rules_file(path, &n, wrong, sizeof(wrong));
    if (!text) {
        return 0;
    }
    s->found = 0;
    s->n = 0;
    right = n <= TEXT_MAX && playcount_hls_read(text, n, take, s, total) == kind &&
            s->found && (kind == PLAYCOUNT_HLS_MASTER || s->n);
    free(text);
    return right;
}

static int is_playlist(const struct dirent *entry)
{
    return playcount_hls_is_playlist(entry->d_name);
}

/* The first playlist of a directory that is of this kind and has the path: its name
 * in `name`, of 256 bytes. */
static int in_directory(search *s, playcount_hls_e kind, char *name,
                        uint64_t *total)
{
    struct dirent **entries;
    int n = scandir(s->directory, &entries, is_playlist, alphasort);
    int found = 0;

    s->lists += n > 0 ? (unsigned)n : 0;
    for (int i = 0; i < n; i++) {
        if (!found && i < PLAYCOUNT_HLS_PLAYLISTS &&
            in_playlist(s, entries[i]->d_name, kind, total)) {
            snprintf(name, 256, "%s", entries[i]->d_name);
            found = 1;
        }
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
    return found;
}

/* Cut the last part of a path off: "/a/b" to "/a". 0: there is none. */
static int cut(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || slash == path) {
        return 0;
    }
    *slash = '\0';
    return 1;
}

/* In the playlists of `directory`, or of the one above: then that is `directory`,
 * and *up one more. */
static int look(search *s, char *directory, playcount_hls_e kind, unsigned *up,
                char *name, uint64_t *total)
{
    s->directory = directory;
    if (in_directory(s, kind, name, total)) {
        return 1;
    }
    if (!cut(directory) || !in_directory(s, kind, name, total)) {
        return 0;
    }
    ++*up;
    return 1;
}

int playcount_hls_find(const char *path, playcount_hls_place *place)
{
    char file[PATH_MOST], directory[PATH_MOST], list[2 * PATH_MOST], name[256];
    search segments = {.path = file}, masters = {.path = list};
    unsigned up = 0;
    uint64_t nothing;

    *place = (playcount_hls_place){0};
    if (*path != '/' || strlen(path) >= sizeof(file) ||
        !playcount_hls_may_be_segment(path)) {
        return 0;
    }
    snprintf(file, sizeof(file), "%s", path);
    normalise(file);
    snprintf(directory, sizeof(directory), "%s", file);
    if (!cut(directory) || !look(&segments, directory, PLAYCOUNT_HLS_MEDIA,
                                 &place->up, place->name, &place->total)) {
        free(segments.segments);
        place->lists = segments.lists;
        return 0;
    }
    place->lists = segments.lists;
    place->segments = segments.segments;
    place->n = segments.n;
    snprintf(list, sizeof(list), "%s/%s", directory, place->name);
    if (look(&masters, directory, PLAYCOUNT_HLS_MASTER, &up, name, &nothing)) {
        place->up += up;
        memcpy(place->name, name, sizeof(name));
    }
    free(masters.segments);
    return 1;
}

void playcount_hls_forget(playcount_hls_place *place)
{
    free(place->segments);
    *place = (playcount_hls_place){0};
}
