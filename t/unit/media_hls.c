/* Playlists, and in which presentation a file is a segment. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/rules/hls.h"
#include "media/rules/union.h"
#include "t/tap.h"

typedef struct {
    char text[1000];
} seen;

static int note(void *context, const playcount_hls_item *item)
{
    seen *s = context;
    size_t n = strlen(s->text);

    snprintf(s->text + n, sizeof(s->text) - n, "%s%.*s %llu-%llu", n ? "|" : "",
             (int)item->uri_n, item->uri, (unsigned long long)item->from,
             (unsigned long long)item->to);
    n = strlen(s->text);
    if (item->end != UINT64_MAX) {
        snprintf(s->text + n, sizeof(s->text) - n, " @%llu-%llu",
                 (unsigned long long)item->begin, (unsigned long long)item->end);
    }
    return 0;
}

static void reads(const char *text, playcount_hls_e kind, uint64_t length,
                  const char *expected, const char *what)
{
    seen s = {""};
    uint64_t total;
    /* In memory of just its size, for the sanitizers. */
    char *copy = malloc(strlen(text) + (*text == '\0'));

    memcpy(copy, text, strlen(text));
    if (!ok(playcount_hls_read(copy, strlen(text), note, &s, &total) == kind &&
                total == length && strcmp(s.text, expected) == 0,
            "%s", what)) {
        printf("# got %s, %llu ms\n", s.text, (unsigned long long)total);
    }
    free(copy);
}

#define HEAD "#EXTM3U\n#EXT-X-TARGETDURATION:10\n"

static void playlists(void)
{
    reads("", PLAYCOUNT_HLS_NONE, 0, "", "an empty file is none");
    reads("a.mp3\n", PLAYCOUNT_HLS_NONE, 0, "", "nor is a simple list");
    reads("#EXTM3U", PLAYCOUNT_HLS_MEDIA, 0, "", "one without anything");
    reads(HEAD
          "#EXTINF:6.006,title\r\n0.ts\r\n\r\n#EXTINF:6,\n1.ts\n#EXT-X-ENDLIST",
          PLAYCOUNT_HLS_MEDIA, 12006, "0.ts 0-6006|1.ts 6006-12006", "segments");
    reads(HEAD "lost.ts\n#EXTINF:5\n0.ts\n#EXT-X-ENDLIST\n", PLAYCOUNT_HLS_MEDIA,
          5000, "0.ts 0-5000", "a file without a duration is none");
    reads(HEAD "#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:9.5,\n7.ts\n#EXTINF:10,\n8.ts\n",
          PLAYCOUNT_HLS_MEDIA, 0, "7.ts 70000-79500|8.ts 80000-90000",
          "a list that moves on: by number");
    reads(HEAD "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:4,\n0.ts\n#EXTINF:4,\n1.ts\n",
          PLAYCOUNT_HLS_MEDIA, 0, "0.ts 0-4000|1.ts 4000-8000",
          "one that only grows: in sum");
    reads(HEAD "#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:4,\n#EXT-X-BYTERANGE:100@50\n"
               "a.mp4\n#EXTINF:4,\n#EXT-X-BYTERANGE:200\na.mp4\n#EXT-X-ENDLIST\n",
          PLAYCOUNT_HLS_MEDIA, 8000,
          "a.mp4 0-4000 @50-150|a.mp4 4000-8000 @150-350", "parts of a file");
    reads("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a,URI=\\\"\",URI=\"s/a.m3u8\"\n"
          "#EXT-X-STREAM-INF:BANDWIDTH=1\n720p/index.m3u8\n",
          PLAYCOUNT_HLS_MASTER, 0, "s/a.m3u8 0-0|720p/index.m3u8 0-0", "a master");
}

/* --- on the disk --- */

static char root[] = "/tmp/playcount-hls-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[2][200];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", root, name);
    return path[turn];
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");

    if (!file || fputs(text, file) < 0 || fclose(file)) {
        printf("# %s\n", name);
        exit(1);
    }
}

static int is_at(const char *name, unsigned up, const char *list, uint64_t from,
                 uint64_t to)
{
    playcount_hls_place place;
    int found = playcount_hls_find(path_of(name), &place);
    int right = found && place.up == up && strcmp(place.name, list) == 0 &&
                place.n == 1 && place.segments[0].from == from &&
                place.segments[0].to == to;

    if (found && !right) {
        printf("# %s: up %u %s, %zu segments\n", name, place.up, place.name,
               place.n);
    }
    playcount_hls_forget(&place);
    return right;
}

static void presentations(void)
{
    playcount_hls_place place;

    for (const char *const *d = (const char *const[]){"", "a", "a/720p", "a/1080p",
                                                      "b", "b/seg", NULL};
         *d; d++) {
        mkdir(path_of(*d), 0700);
    }
    put("a/master.m3u8",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720p/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=2\n./1080p/../1080p/index.m3u8?x=1\n");
    put("a/720p/index.m3u8",
        HEAD "#EXTINF:6,\n0.ts\n#EXTINF:6,\n%31.ts\n#EXT-X-ENDLIST\n");
    put("a/1080p/index.m3u8",
        HEAD "#EXTINF:6,\n0.ts\n#EXTINF:6,\n1.ts\n#EXT-X-ENDLIST\n");
    put("b/list.m3u8", HEAD "#EXTINF:90,\nseg/0.ts\n#EXTINF:6,\nhttp://x/1.ts\n"
                            "#EXT-X-ENDLIST\n");
    ok(is_at("a/720p/0.ts", 1, "master.m3u8", 0, 6000), "a segment of a variant");
    ok(is_at("a/720p/1.ts", 1, "master.m3u8", 6000, 12000), "with an escaped name");
    ok(is_at("a/1080p/1.ts", 1, "master.m3u8", 6000, 12000),
       "another variant has the same presentation and place");
    ok(is_at("b/seg/0.ts", 1, "list.m3u8", 0, 90000), "one below its playlist");
    ok(is_at("b/./seg/../seg/0.ts", 1, "list.m3u8", 0, 90000), "by another path");
    ok(!playcount_hls_find(path_of("b/seg/1.ts"), &place) &&
           !playcount_hls_find(path_of("a/720p/2.ts"), &place) &&
           !playcount_hls_find(path_of("a/720p/index.m3u8"), &place) &&
           !playcount_hls_find("0.ts", &place),
       "what is in no playlist is no segment");
    ok(!playcount_hls_find(path_of("a/720p/2.ts"), &place) && place.lists == 2 &&
           !playcount_hls_find("/nonexistent/x/2.ts", &place) && !place.lists,
       "and whether there are any playlists is said");
    playcount_hls_find(path_of("a/720p/0.ts"), &place);
    is(playcount_hls_need(&place, 60), 12000,
       "a short presentation is needed whole");
    playcount_hls_forget(&place);
    playcount_hls_find(path_of("b/seg/0.ts"), &place);
    is(playcount_hls_need(&place, 60), 60000, "of a long one a minute");
    playcount_hls_forget(&place);
    for (const char *const *f =
             (const char *const[]){"a/master.m3u8", "a/720p/index.m3u8",
                                   "a/1080p/index.m3u8", "b/list.m3u8", "b/seg",
                                   "b", "a/720p", "a/1080p", "a", "", NULL};
         *f; f++) {
        remove(path_of(*f));
    }
}

static void a_minute(void)
{
    playcount_union u = {0};
    int segments = 0;

    playcount_union_need(&u, 60000);
    for (int i = 0; i < 30 && !playcount_union_enough(&u); i++) {
        uint64_t place = (uint64_t)(i / 3) * 6006; /* each segment three times */

        playcount_union_add(&u, place, place + 6006);
        segments++;
    }
    is((uint64_t)segments, 28,
       "ten segments of six seconds are a minute, twice is once");
}

int main(void)
{
    if (!mkdtemp(root)) {
        return 1;
    }
    playlists();
    presentations();
    a_minute();
    return done_testing();
}
