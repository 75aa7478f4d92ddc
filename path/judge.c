/* What makes a path unsafe, in words: see path.h and judge.h. */

#include "path/judge.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UNSAFE "is not safe to write to: "

static mode_t others(void)
{
    return geteuid() == 0 ? S_IWGRP | S_IWOTH : S_IWOTH;
}

static int is_shared(const struct stat *dir)
{
    return (dir->st_mode & others()) != 0;
}

static int is_foreign(const struct stat *st)
{
    return st->st_uid != 0 && st->st_uid != geteuid();
}

typedef struct {
    char text[64];
} user_name;

static user_name user(uid_t uid)
{
    user_name name;
    char room[4096];
    struct passwd entry, *found = NULL;

    if (getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found) {
        snprintf(name.text, sizeof(name.text), "%s", found->pw_name);
    }
    else {
        snprintf(name.text, sizeof(name.text), "%lu", (unsigned long)uid);
    }
    return name;
}

__attribute__((format(printf, 2, 3))) static int refuse(playcount_path *p,
                                                        const char *form, ...)
{
    size_t n = strlen(UNSAFE);
    va_list list;

    memcpy(p->why, UNSAFE, n + 1);
    va_start(list, form);
    vsnprintf(p->why + n, sizeof(p->why) - n, form, list);
    va_end(list);
    return EPERM;
}

int playcount_path_judge_directory(playcount_path *p)
{
    const char *dir = *p->real ? p->real : "/";

    if (is_foreign(&p->dir_st)) {
        user_name us = user(geteuid());

        return refuse(p,
                      "%s belongs to %s, who could put links there; give it to %s "
                      "(chown %s %s)",
                      dir, user(p->dir_st.st_uid).text, us.text, us.text, dir);
    }
    if (is_shared(&p->dir_st) && !(p->dir_st.st_mode & S_ISVTX)) {
        return refuse(p,
                      "others may write into %s and put links there; take that "
                      "right away (chmod %s-w %s)",
                      dir, geteuid() == 0 ? "go" : "o", dir);
    }
    return 0;
}

int playcount_path_judge_link(playcount_path *p, const char *name,
                              const struct stat *link)
{
    const char *dir = *p->real ? p->real : "/";

    if (is_foreign(link)) {
        return refuse(p,
                      "%s/%s is a link of %s, who may change it; name what it "
                      "leads to",
                      p->real, name, user(link->st_uid).text);
    }
    if (is_shared(&p->dir_st)) {
        return refuse(p,
                      "%s/%s is a link in %s, into which others may write; name "
                      "what it leads to",
                      p->real, name, dir);
    }
    if (is_foreign(&p->dir_st)) {
        return refuse(p,
                      "%s/%s is a link in %s, which belongs to %s; name what it "
                      "leads to",
                      p->real, name, dir, user(p->dir_st.st_uid).text);
    }
    return 0;
}

int playcount_path_judge(playcount_path *p)
{
    if (!p->is_there) {
        return 0;
    }
    if (is_foreign(&p->st)) {
        user_name us = user(geteuid());

        return refuse(p,
                      "%s belongs to %s; give it to %s (chown %s %s), or move it "
                      "away",
                      p->real, user(p->st.st_uid).text, us.text, us.text, p->real);
    }
    if (S_ISREG(p->st.st_mode) && p->st.st_nlink > 1 && is_shared(&p->dir_st)) {
        return refuse(p,
                      "%s has another name elsewhere, which others may have made; "
                      "move it away",
                      p->real);
    }
    return 0;
}
