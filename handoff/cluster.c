/* Where a song is in a cluster, and what a fence means: see cluster.h. */
#include "handoff/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/zone/hash.h"

playcount_cluster_place
playcount_cluster_find(const playcount_cluster_layout *layout, const char *id,
                       apr_size_t length)
{
    uint64_t hash = XXH3_64bits(id, length);

    return (playcount_cluster_place){
        .tag = (uint16_t)(hash % layout->tags),
        .bucket = (uint16_t)((hash >> 32) % layout->buckets)};
}

/* CRC16-CCITT (XMODEM), as the specification of Redis Cluster has it. */
static uint16_t crc16(const char *bytes, apr_size_t length)
{
    uint32_t crc = 0;

    for (apr_size_t i = 0; i < length; i++) {
        crc ^= (uint32_t)(unsigned char)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
        }
        crc &= 0xffff;
    }
    return (uint16_t)crc;
}

uint16_t playcount_cluster_slot(const char *key, apr_size_t length)
{
    const char *open = memchr(key, '{', length);
    const char *close = open ? memchr(open, '}', length - (open - key)) : NULL;

    if (close && close > open + 1) {
        return crc16(open + 1, (apr_size_t)(close - open) - 1) & 16383;
    }
    return crc16(key, length) & 16383;
}

void playcount_cluster_name_tags(playcount_cluster_tag *tags)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    int missing = PLAYCOUNT_CLUSTER_TAGS;

    memset(tags, 0, PLAYCOUNT_CLUSTER_TAGS * sizeof(*tags));
    for (unsigned long n = 0; missing; n++) {
        char name[8];
        int length = 0;
        uint32_t slot;

        for (unsigned long rest = n; rest || !length; rest /= 36) {
            name[length++] = digits[rest % 36];
        }
        name[length] = '\0';
        slot = playcount_cluster_slot(name, (apr_size_t)length);
        if (slot % 16 == 0 && !*tags[slot / 16]) {
            memcpy(tags[slot / 16], name, sizeof(name));
            missing--;
        }
    }
}

playcount_fence_e playcount_fence_judge(const char *there, uint64_t expected,
                                        uint64_t number)
{
    char *end;
    uint64_t is = strtoull(there, &end, 10);
    int in_between = *end != '\0'; /* a batch's piece that is not the last */

    if (end == there || is < expected) {
        return PLAYCOUNT_FENCE_LOST;
    }
    if (is == number) {
        return in_between ? PLAYCOUNT_FENCE_LOST : PLAYCOUNT_FENCE_DONE;
    }
    if (is == expected) {
        return in_between ? PLAYCOUNT_FENCE_LOST : PLAYCOUNT_FENCE_HERE;
    }
    return PLAYCOUNT_FENCE_FOREIGN;
}
