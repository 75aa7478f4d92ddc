/* What a line of an access log says of a delivery, value by value. */
#ifndef PLAYCOUNT_COMMAND_MEDIAFACTS_H
#define PLAYCOUNT_COMMAND_MEDIAFACTS_H

#include <stdbool.h>

#include "client/command/accesslog.h"
#include "client/id.h"
#include "media/rules/address.h"

/* A value; NULL: the format does not have it, or httpd had nothing to write ("-").
 */
const char *mediafacts_text(const accesslog_line *line, accesslog_value v);

/* A value that is a number; false: it is not one. */
bool mediafacts_number(const accesslog_line *line, accesslog_value v,
                       uint64_t *number);

/* When the request started, in seconds since 1970, from any of the times; false:
 * there is none. */
bool mediafacts_start(const accesslog_line *line, int64_t *seconds);

/* The client's address, from %a, or %h where it is one; false: there is none. */
bool mediafacts_address(const accesslog_line *line, playcount_address *address);

/* The path as a song, decoded, without the query: 1, or -1: it is no valid id. */
int mediafacts_path_song(const accesslog_line *line, char id[PLAYCOUNT_ID_ENCODED]);

/* Is it audio or video, by the type that was sent or by the file's name? A segment
 * of HLS is no download by itself. */
bool mediafacts_is_media(const accesslog_line *line);

#endif
