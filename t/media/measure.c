/* Prints how the rules measure files: size, begin, end, need, milliseconds.
 *
 *     measure auto|whole|KBITS SECONDS FILE...
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/rules/measure.h"

int main(int argc, char **argv)
{
    playcount_measure_rule rule = {0};

    if (argc < 4) {
        return 2;
    }
    rule.whole = strcmp(argv[1], "whole") == 0;
    rule.kbits = (uint32_t)atoi(argv[1]);
    rule.seconds = (uint32_t)atoi(argv[2]);
    for (int i = 3; i < argc; i++) {
        playcount_measured m;
        struct stat st;
        int fd = open(argv[i], O_RDONLY);

        if (fd < 0 || fstat(fd, &st)) {
            return 1;
        }
        playcount_measure(&m, &rule, (uint64_t)st.st_size, playcount_measure_pread,
                          &fd);
        close(fd);
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %.0f\n", m.size,
               m.begin, m.end, m.need, m.seconds * 1000);
    }
    return 0;
}
