/* How much of a file is enough: read once, then known by device, inode, size and
 * time.
 *
 * httpd has looked at the file of a static response already. One that a handler
 * sends (mod_xsendfile, mod_cache_disk) is open, and is asked for the same.
 */

#include "media/private.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_portable.h"
#include "shm/hot.h"

#define WANTED (APR_FINFO_DEV | APR_FINFO_INODE | APR_FINFO_SIZE | APR_FINFO_MTIME)

/* The file, and the rule by which it is measured. */
static uint64_t number_with(uint64_t file, const playcount_measure_rule *rule)
{
    uint64_t number = playcount_media_mix(file, rule->seconds);

    return playcount_media_mix(number,
                               (uint64_t)rule->kbits << 1 | (rule->whole != 0)) |
           1;
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

static void read_and_keep(int fd, const playcount_measure_rule *rule, uint64_t size,
                          uint64_t number, playcount_measured *out)
{
    playcount_measure(out, rule, size, playcount_measure_pread, &fd);
    playcount_media_keep_file(playcount_media_tables, number, out);
}

PLAYCOUNT_HOT int playcount_media_measure(request_rec *r,
                                          const playcount_media_dir *conf,
                                          playcount_measured *out)
{
    playcount_measure_rule rule = rule_of(conf);
    uint64_t number;
    int fd;

    if (r->finfo.filetype != APR_REG || !r->filename || r->finfo.size <= 0 ||
        (r->finfo.valid & WANTED) != WANTED) {
        return 0;
    }
    number = number_with(playcount_media_number_of(&r->finfo), &rule);
    if (playcount_media_find_file(playcount_media_tables, number, out)) {
        return 1;
    }
    fd = open_file(r);
    if (fd < 0) {
        return 0;
    }
    read_and_keep(fd, &rule, (uint64_t)r->finfo.size, number, out);
    close(fd);
    return 1;
}

int playcount_media_measure_sent(const apr_bucket_brigade *bb,
                                 const playcount_media_dir *conf, uint64_t size,
                                 playcount_measured *out)
{
    const apr_bucket *first = APR_BRIGADE_FIRST(bb);
    const apr_bucket_file *sent;
    playcount_measure_rule rule = rule_of(conf);
    apr_finfo_t file;
    uint64_t number;
    int fd;

    if (first == APR_BRIGADE_SENTINEL(bb) || !APR_BUCKET_IS_FILE(first) ||
        first->start != 0) {
        return 0;
    }
    sent = first->data;
    if (apr_os_file_get(&fd, sent->fd) != APR_SUCCESS ||
        apr_file_info_get(&file, WANTED | APR_FINFO_TYPE, sent->fd) !=
            APR_SUCCESS ||
        file.filetype != APR_REG || (uint64_t)file.size != size) {
        return 0;
    }
    number = number_with(playcount_media_number_of(&file), &rule);
    if (!playcount_media_find_file(playcount_media_tables, number, out)) {
        read_and_keep(fd, &rule, size, number, out);
    }
    return 1;
}

void playcount_media_measure_size(const playcount_media_dir *conf, uint64_t size,
                                  playcount_measured *out)
{
    playcount_measure_rule rule = rule_of(conf);

    playcount_measure(out, &rule, size, NULL, NULL);
}
