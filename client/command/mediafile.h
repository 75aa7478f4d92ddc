/* How much of a file is enough, for a log that does not say: by the file itself,
 * below
 * --root, or by a bitrate. Each file is measured once. */
#ifndef PLAYCOUNT_COMMAND_MEDIAFILE_H
#define PLAYCOUNT_COMMAND_MEDIAFILE_H

#include "client/command/accesslog.h"
#include "client/command/command.h"
#include "media/rules/measure.h"

typedef struct mediafile mediafile;

/* From --root, --bitrate and --seconds. Not EXIT_DONE: it has said what is wrong.
 */
exit_status mediafile_new(mediafile **files, const arguments *a);
void mediafile_free(mediafile *files);

/* The file of this request. False: there is none, or it cannot be read. */
bool mediafile_measure(mediafile *files, const accesslog_line *line,
                       playcount_measured *out);

#endif
