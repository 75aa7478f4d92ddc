/* MD5 (RFC 1321), for the points of the ketama circle only, which other ketama
 * clients compute with it; nothing here relies on it for security. */
#ifndef PLAYCOUNT_CLIENT_MD5_H
#define PLAYCOUNT_CLIENT_MD5_H

#include <stddef.h>

void playcount_md5(const void *data, size_t n, unsigned char digest[16]);

#endif
