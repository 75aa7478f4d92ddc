/* The bytes of an input file, decompressed where it is compressed.
 *
 * What a file is tells its first bytes, never its name: gzip, xz and zstd are
 * unpacked by zlib, liblzma and libzstd, each where the command was built with it
 * (PLAYCOUNT_ZLIB, PLAYCOUNT_LZMA, PLAYCOUNT_ZSTD); otherwise, and for bzip2 and
 * compress, the file is refused with the command that unpacks it. Files put
 * together from several compressed ones are read to the end of the last. Positions
 * are always those of the unpacked bytes.
 */
#ifndef PLAYCOUNT_COMMAND_SOURCE_H
#define PLAYCOUNT_COMMAND_SOURCE_H

#include <stdint.h>
#include <sys/types.h>

#include "client/command/say.h"

typedef struct source source;

/* Read from this descriptor, which the source closes. `name` is borrowed, for
 * messages. NULL: the reason was printed. */
source *source_open(int fd, const char *name);

/* Up to n bytes; 0 at the end; -1: it failed, and source_fault() tells why. Ends
 * early with -1 when the command is interrupted. */
ssize_t source_read(source *s, char *out, size_t n);

/* Go to this position, which lies at or behind the present one (in a plain file,
 * anywhere). Not 0: it failed,
 * or there are fewer bytes. */
int source_skip(source *s, uint64_t position);

const char *source_fault(const source *s);

/* Whether it is compressed, and so complete: nothing is added to such a file. */
bool source_is_packed(const source *s);

void source_close(source *s);

#endif
