/* What TagLib says of files: seconds, kbit/s. */
#include <stdio.h>
#include <taglib/tag_c.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        TagLib_File *file = taglib_file_new(argv[i]);
        const TagLib_AudioProperties *p =
            file ? taglib_file_audioproperties(file) : NULL;

        if (!p) {
            printf("0 0\n");
        }
        else {
            printf("%d %d\n", taglib_audioproperties_length(p),
                   taglib_audioproperties_bitrate(p));
        }
        if (file) {
            taglib_file_free(file);
        }
    }
    return 0;
}
