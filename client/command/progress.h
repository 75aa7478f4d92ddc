/* One line on stderr that tells how far a long work is; on a terminal only. */
#ifndef PLAYCOUNT_COMMAND_PROGRESS_H
#define PLAYCOUNT_COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Begin; `noun` is what is counted ("songs"), total_bytes 0 if unknown. */
void progress_begin(const char *noun, uint64_t total_bytes, bool quiet);

/* So far. Shown five times a second at most. */
void progress_at(uint64_t bytes, uint64_t things);

/* Take the line away; also done before a message. */
void progress_clear(void);

#endif
