/* Bodies of POST /songs: what any of them must hold when it was taken, that it is
 * the same when it is written and read again, and what it may take of memory, be it
 * taken or not. */
#ifndef PLAYCOUNT_FUZZ_BODY_H
#define PLAYCOUNT_FUZZ_BODY_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <sanitizer/allocator_interface.h>

#include "apr_general.h"
#include "apr_strings.h"

#include "api/body.h"
#include "server/text.h"

#define CHECK(condition)                                                           \
    do {                                                                           \
        if (!(condition)) {                                                        \
            abort();                                                               \
        }                                                                          \
    } while (0)

/* A zone for as many songs as come. */
static inline playcount_zone *fuzz_zone(void)
{
    static playcount_zone *zone;

    if (!zone) {
        playcount_zone_size size = {1000, 0};
        apr_pool_t *pool;
        void *memory =
            mmap(NULL, playcount_zone_bytes(&size), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        apr_initialize();
        apr_pool_create(&pool, NULL);
        CHECK(memory != MAP_FAILED);
        CHECK(playcount_zone_format(memory, &size) == APR_SUCCESS);
        zone = playcount_zone_attach(pool, memory, NULL);
    }
    return zone;
}

static inline void check_batch(const playcount_batch_body *batch)
{
    CHECK(batch->entries <= PLAYCOUNT_BATCH_MAX && batch->n <= batch->entries);
    for (apr_size_t i = 0; i < batch->n; i++) {
        const playcount_play *play = &batch->plays[i];

        CHECK(!playcount_id_error(play->id, play->length));
        CHECK(play->by >= 1 && play->by <= PLAYCOUNT_MAX);
    }
    for (apr_size_t i = 0; i < batch->entries; i++) {
        CHECK(batch->order[i] < batch->n);
        CHECK(batch->by[i] >= 1);
        CHECK(batch->by[i] <= batch->plays[batch->order[i]].by);
    }
}

/* What was taken, written again in the notation of a body; the end of it. An id
 * takes PLAYCOUNT_ESCAPED_MAX at most, what is around it FUZZ_AROUND. */
typedef char *fuzz_write(char *at, const playcount_batch_body *batch);

#define FUZZ_AROUND 32

static inline void check_again(apr_pool_t *pool, const playcount_batch_body *batch,
                               playcount_body_read *read, fuzz_write *write)
{
    playcount_batch_body again;
    char *text = apr_palloc(pool, batch->n * (PLAYCOUNT_ESCAPED_MAX + FUZZ_AROUND) +
                                      FUZZ_AROUND);
    char *end = write(text, batch);
    int too_many = 0;

    *end = '\0';
    CHECK(!read(pool, fuzz_zone(), text, (apr_size_t)(end - text), &again,
                &too_many));
    CHECK(again.n == batch->n);
    for (apr_size_t i = 0; i < again.n; i++) {
        CHECK(again.plays[i].by == batch->plays[i].by);
        CHECK(again.plays[i].length == batch->plays[i].length);
        CHECK(
            !memcmp(again.plays[i].id, batch->plays[i].id, again.plays[i].length));
    }
}

/* Read this body, and again what was taken of it. */
static inline void fuzz_body(playcount_body_read *read, fuzz_write *write,
                             const uint8_t *data, size_t size)
{
    playcount_zone *zone = fuzz_zone();
    playcount_batch_body batch;
    apr_allocator_t *allocator;
    apr_pool_t *pool;
    const char *error;
    size_t before, taken;
    int too_many = 0;
    char *body = malloc(size + 1); /* so that a byte read behind it is found */

    memcpy(body, data, size);
    body[size] = '\0';
    before = __sanitizer_get_current_allocated_bytes();
    apr_allocator_create(&allocator);
    apr_pool_create_ex(&pool, NULL, NULL, allocator);
    apr_allocator_owner_set(allocator, pool);
    error = read(pool, zone, body, size, &batch, &too_many);
    taken = __sanitizer_get_current_allocated_bytes() - before;
    CHECK(taken <= 32 * 1024 + 24 * size);
    if (error) {
        CHECK(*error && error[strlen(error) - 1] == '.');
        CHECK(!too_many || strstr(error, "65536"));
    }
    else {
        check_batch(&batch);
        check_again(pool, &batch, read, write);
    }
    apr_pool_destroy(pool);
    free(body);
}

#endif
