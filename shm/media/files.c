/* Measured files, so that each is read once. A cell that two write at the same
 * time, or that was left half written, has a wrong check: the file is measured
 * again. */

#include "shm/media/layout.h"
#include "shm/hot.h"

#include <string.h>

enum { NUMBER, SIZE, BEGIN, END, NEED, SECONDS, CHECK, WORDS };

static inline uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0xff51afd7ed558ccdULL;
    return sum ^ sum >> 32;
}

static uint64_t check_of(const uint64_t *word)
{
    uint64_t sum = 0x9e3779b97f4a7c15ULL;

    sum = mix(sum, word[NUMBER]);
    sum = mix(sum, word[SIZE]);
    sum = mix(sum, word[BEGIN]);
    sum = mix(sum, word[END]);
    sum = mix(sum, word[NEED]);
    return mix(sum, word[SECONDS]);
}

static playcount_media_file *cell_of(playcount_media *media, uint64_t number)
{
    return &media->files[number / 2 % PLAYCOUNT_MEDIA_FILES]; /* all are odd */
}

PLAYCOUNT_HOT int playcount_media_find_file(playcount_media *media, uint64_t number,
                                            playcount_measured *measured)
{
    playcount_media_file *cell = cell_of(media, number);
    uint64_t word[WORDS];

    for (int i = 0; i < WORDS; i++) {
        word[i] = atomic_load_explicit(&cell->word[i], memory_order_relaxed);
    }
    if (word[NUMBER] != number || word[CHECK] != check_of(word)) {
        return 0;
    }
    measured->size = word[SIZE];
    measured->begin = word[BEGIN];
    measured->end = word[END];
    measured->need = word[NEED];
    memcpy(&measured->seconds, &word[SECONDS], sizeof(measured->seconds));
    return 1;
}

void playcount_media_keep_file(playcount_media *media, uint64_t number,
                               const playcount_measured *measured)
{
    playcount_media_file *cell = cell_of(media, number);
    uint64_t word[WORDS] = {
        [NUMBER] = number,     [SIZE] = measured->size, [BEGIN] = measured->begin,
        [END] = measured->end, [NEED] = measured->need,
    };

    memcpy(&word[SECONDS], &measured->seconds, sizeof(measured->seconds));
    word[CHECK] = check_of(word);
    for (int i = 0; i < WORDS; i++) {
        atomic_store_explicit(&cell->word[i], word[i], memory_order_relaxed);
    }
}
