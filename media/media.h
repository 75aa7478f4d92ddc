/* Plays that httpd counts itself as media is delivered: what others may know of the
 * room. private.h is its table of contents. */
#ifndef PLAYCOUNT_MEDIA_MEDIA_H
#define PLAYCOUNT_MEDIA_MEDIA_H

#include "httpd.h"
#include "http_config.h"

#include "server/conf.h"

/* conf.c: the directives' functions. */
const char *playcount_cmd_media(cmd_parms *cmd, void *mconfig, int argc,
                                char *const argv[]);
const char *playcount_cmd_media_types(cmd_parms *cmd, void *mconfig, int argc,
                                      char *const argv[]);
const char *playcount_cmd_media_bitrate(cmd_parms *cmd, void *mconfig,
                                        const char *arg);
const char *playcount_cmd_media_song(cmd_parms *cmd, void *mconfig,
                                     const char *arg);
const char *playcount_cmd_media_table(cmd_parms *cmd, void *mconfig, int argc,
                                      char *const argv[]);
const char *playcount_cmd_media_agents(cmd_parms *cmd, void *mconfig,
                                       const char *how, const char *path);
const char *playcount_cmd_media_addresses(cmd_parms *cmd, void *mconfig,
                                          const char *how, const char *path);

extern const playcount_room playcount_media_room;

/* shown.c: what metrics/ shows. The verdicts, in the order of their numbers. */
typedef struct {
    int verdicts;
    const char *const *name;
    const uint64_t *count; /* deliveries with each, since the tables were made */
    uint64_t downloads, downloads_most; /* listeners counted today, and at most */
    uint64_t open, open_most;           /* downloads that are open, and at most */
    uint64_t bytes;                     /* of shared memory */
    int file_lost; /* 1 if the tables' file is not under its name any more */
} playcount_media_shown;

/* In the pool; NULL if media are counted nowhere. */
const playcount_media_shown *playcount_media_show(apr_pool_t *p);

#endif
