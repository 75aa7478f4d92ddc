/* The commands: each gets the parsed command line and an open client, and gives an
 * exit status. */
#ifndef PLAYCOUNT_COMMAND_COMMAND_H
#define PLAYCOUNT_COMMAND_COMMAND_H

#include "client/client.h"
#include "client/command/conf.h"

/* replay --media: a file of User-Agents or networks that are refused, or never are.
 */
typedef struct {
    const char *path;
    bool addresses, allow;
} list_argument;

typedef struct {
    playcount_client *client;
    const conf *conf;
    char **words; /* after the command's name */
    int words_n;
    bool json, quiet, yes;
    uint64_t by;        /* play: 1 unless said */
    const char *match;  /* replay: the regular expression, or NULL */
    const char *status; /* replay: which statuses; NULL: the usual ones */
    const char *method; /* replay: which methods; NULL: the usual ones */
    const char *format; /* replay: how the log is written; NULL: a common way */
    const char *state;  /* replay: the state file; NULL: beside the log */
    bool again;         /* replay: all of it, whatever was counted */
    bool media;         /* replay: by the rules for media, and then: */
    bool missing, dry_run;
    const char *window;     /* "day", "rolling", or NULL */
    const char *root;       /* where the files are; NULL: unknown */
    const char *bitrate;    /* "auto", "whole", a number, or NULL */
    uint64_t media_seconds; /* how many are enough: 60 unless said */
    list_argument lists[16];
    size_t lists_n;
    bool delivered;       /* import: a consumer has these plays */
    const char *unsure;   /* import, replay: "again", "skip", or NULL */
    const char *work;     /* bench: "get", "play" or "batch" */
    const char *page;     /* bench: instead of songs, this path; NULL: none */
    uint64_t connections; /* bench */
    uint64_t threads;     /* bench */
    uint64_t songs;       /* bench */
    uint64_t batch;       /* bench: songs in a batch */
    double seconds;       /* bench */
    bool keys;            /* bench */
    const char *users;    /* bench: how many, cycle by cycle; NULL: no cycles */
    double think;         /* bench: seconds of a user between two requests */
    const char *report;   /* bench: the page with the plots; NULL: none */
    bool once;            /* monitor: one screen */
    double interval; /* monitor: seconds between two requests; 0: the series' */
} arguments;

typedef exit_status command_function(const arguments *a);

command_function command_get, command_play, command_list, command_top,
    command_reset, command_import, command_export, command_replay,
    command_replay_media, command_bench, command_monitor;

#endif
