/* Makes random Idempotency-Keys. */
#include <stdio.h>
#include <sys/random.h>

#include "client/playcount.h"

int playcount_new_key(char key[PLAYCOUNT_KEY_BYTES + 1])
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        snprintf(key + 2 * i, 3, "%02x", bytes[i]);
    }
    return 0;
}
