/* What a line says of a delivery. See mediafacts.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "client/command/mediafacts.h"

const char *mediafacts_text(const accesslog_line *line, accesslog_value v)
{
    const char *text = line->value[v].text;
    return text && strcmp(text, "-") != 0 ? text : NULL;
}

bool mediafacts_number(const accesslog_line *line, accesslog_value v,
                       uint64_t *number)
{
    const char *text = mediafacts_text(line, v);
    char *end;

    if (!text || *text < '0' || *text > '9') {
        return false;
    }
    *number = strtoull(text, &end, 10);
    return !*end;
}

/* "[25/Nov/2026:23:14:46 +0000]" */
static bool common_time(const char *text, int64_t *seconds)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    char month[4], sign;
    int hours, minutes, end = 0;

    if (sscanf(text, "[%2d/%3[A-Za-z]/%4d:%2d:%2d:%2d %c%2d%2d]%n", &tm.tm_mday,
               month, &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &sign,
               &hours, &minutes, &end) != 9 ||
        !end || text[end] || (sign != '+' && sign != '-')) {
        return false;
    }
    const char *at = strstr(months, month);
    if (!at || (at - months) % 3 || strlen(month) != 3) {
        return false;
    }
    tm.tm_mon = (int)(at - months) / 3;
    tm.tm_year -= 1900;
    int64_t offset = (hours * 60 + minutes) * INT64_C(60);
    *seconds = (int64_t)timegm(&tm) - (sign == '+' ? offset : -offset);
    return true;
}

bool mediafacts_start(const accesslog_line *line, int64_t *seconds)
{
    static const struct {
        accesslog_value value;
        uint64_t unit;
    } units[] = {{ACCESSLOG_TIME_SEC, 1},
                 {ACCESSLOG_TIME_MSEC, 1000},
                 {ACCESSLOG_TIME_USEC, 1000000}};
    const char *text = mediafacts_text(line, ACCESSLOG_TIME);
    uint64_t number;

    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (mediafacts_number(line, units[i].value, &number)) {
            *seconds = (int64_t)(number / units[i].unit);
            return true;
        }
    }
    return text && common_time(text, seconds);
}

bool mediafacts_address(const accesslog_line *line, playcount_address *address)
{
    bool has = line->value[ACCESSLOG_ADDRESS].text != NULL;
    accesslog_value v = has ? ACCESSLOG_ADDRESS : ACCESSLOG_HOST;
    const char *text = line->value[v].text;
    return text && playcount_address_read(address, text, line->value[v].n);
}

/* The path, decoded, without the query. */
int mediafacts_path_song(const accesslog_line *line, char id[PLAYCOUNT_ID_ENCODED])
{
    const char *query = memchr(line->target + line->decoded_n, '?',
                               line->target_n - line->decoded_n);
    size_t n = query ? (size_t)(query - line->target) : line->target_n;

    if (n >= PLAYCOUNT_ID_ENCODED || memchr(line->target, '\0', n)) {
        return -1;
    }
    if (line->decoded_n) {
        memcpy(id, line->target, n);
        id[n] = '\0';
    }
    else if (playcount_percent_decode(line->target, n, id)) {
        return -1;
    }
    return playcount_id_fault(id) ? -1 : 1;
}

/* By the type that was sent, or the file's name. A segment of HLS is no download by
 * itself. */
bool mediafacts_is_media(const accesslog_line *line)
{
    static const char *const names[] = {"mp3", "m4a",  "m4b", "aac",  "ogg",
                                        "oga", "opus", "wav", "flac", "mp4",
                                        "m4v", "mov",  "webm"};
    const char *type = mediafacts_text(line, ACCESSLOG_TYPE);
    size_t n = line->target_n;
    const char *query = memchr(line->target, '?', n), *dot;

    if (type) {
        return strncasecmp(type, "audio/", 6) == 0 ||
               strncasecmp(type, "video/", 6) == 0;
    }
    n = query && !line->decoded_n ? (size_t)(query - line->target) : n;
    dot = memrchr(line->target, '.', n);
    for (size_t i = 0; dot && i < sizeof(names) / sizeof(*names); i++) {
        size_t length = n - (size_t)(dot + 1 - line->target);
        if (strlen(names[i]) == length &&
            strncasecmp(names[i], dot + 1, length) == 0) {
            return true;
        }
    }
    return false;
}
