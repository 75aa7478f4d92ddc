/* How much of a file is enough: read once, then known by device, inode, size and
 * time.
 */

#include "media/private.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file and the rule as a number, mixed word by word. Nobody gains anything by a
 * file that has another's number. */
uint64_t playcount_media_file_number(const request_rec *r,
                                     const playcount_measure_rule *rule)
{
    uint64_t words[] = {
        (uint64_t)r->finfo.device,
        (uint64_t)r->finfo.inode,
        (uint64_t)r->finfo.size,
        (uint64_t)r->finfo.mtime,
        rule->seconds,
        (uint64_t)rule->kbits << 1 | (rule->whole != 0),
    };
    uint64_t number = 0x9e3779b97f4a7c15ULL;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        number = (number ^ words[i]) * 0xff51afd7ed558ccdULL;
        number ^= number >> 29;
    }
    return number | 1;
}

static playcount_measure_rule rule_of(const playcount_media_dir *conf)
{
    return (playcount_measure_rule){conf->seconds, conf->kbits, conf->whole};
}

/* r's file, if it is still the one that httpd has looked at. */
static int open_file(const request_rec *r)
{
    int fd = open(r->filename, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
                    st.st_ino != r->finfo.inode || st.st_dev != r->finfo.device ||
                    st.st_size != r->finfo.size)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int playcount_media_measure(request_rec *r, const playcount_media_dir *conf,
                            playcount_measured *out)
{
    const apr_int32_t wanted =
        APR_FINFO_DEV | APR_FINFO_INODE | APR_FINFO_SIZE | APR_FINFO_MTIME;
    playcount_measure_rule rule = rule_of(conf);
    uint64_t number;
    int fd;

    if (r->finfo.filetype != APR_REG || !r->filename || r->finfo.size <= 0 ||
        (r->finfo.valid & wanted) != wanted) {
        return 0;
    }
    number = playcount_media_file_number(r, &rule);
    if (playcount_media_find_file(playcount_media_tables, number, out)) {
        return 1;
    }
    fd = open_file(r);
    if (fd < 0) {
        return 0;
    }
    playcount_measure(out, &rule, (uint64_t)r->finfo.size, playcount_measure_pread,
                      &fd);
    close(fd);
    playcount_media_keep_file(playcount_media_tables, number, out);
    return 1;
}

void playcount_media_measure_size(const playcount_media_dir *conf, uint64_t size,
                                  playcount_measured *out)
{
    playcount_measure_rule rule = rule_of(conf);

    playcount_measure(out, &rule, size, NULL, NULL);
}
