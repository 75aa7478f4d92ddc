/* Listings and counts, in pieces of any length: the same songs however they are
 * cut, and what was read is read again from the form in which it is written.
 */

#include "client/id.h"
#include "client/listing.h"
#include "fuzz/client.h"

typedef struct {
    uint64_t entries, sum, hash;
} seen;

static int see(void *context, const char *id, uint64_t count)
{
    seen *s = context;
    char text[PLAYCOUNT_ID_ENCODED], back[PLAYCOUNT_ID_ENCODED];
    size_t n;

    CHECK(!playcount_id_fault(id));
    CHECK(count <= PLAYCOUNT_COUNT_MAX);
    n = playcount_id_to_text(id, text);
    CHECK(n < sizeof(text) && !playcount_percent_decode(text, n, back));
    CHECK(!strcmp(back, id));
    n = playcount_id_to_path(id, text);
    CHECK(n < sizeof(text) && !playcount_percent_decode(text, n, back));
    CHECK(!strcmp(back, id));
    s->entries++;
    s->sum += count;
    for (; *id; id++) {
        s->hash = s->hash * 31 + (unsigned char)*id;
    }
    return 0;
}

static playcount_status read_in_pieces(const uint8_t *data, size_t size,
                                       size_t most, seen *s)
{
    playcount_listing listing;
    playcount_status status = PLAYCOUNT_OK;

    memset(s, 0, sizeof(*s));
    playcount_listing_init(&listing, see, s);
    for (size_t at = 0; at < size && status == PLAYCOUNT_OK;) {
        size_t n = size - at < most ? size - at : most;
        char *piece = malloc(n); /* so that a byte read behind it is found */

        memcpy(piece, data + at, n);
        status = playcount_listing_read(&listing, piece, n);
        free(piece);
        at += n;
    }
    if (status == PLAYCOUNT_OK) {
        status = playcount_listing_end(&listing);
    }
    CHECK(status == PLAYCOUNT_OK || listing.fault);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t most = size ? data[0] % 40u + 1 : 1;
    uint64_t count;
    seen whole, pieces;

    data += size > 0;
    size -= size > 0;
    if (read_in_pieces(data, size, size + 1, &whole) == PLAYCOUNT_OK) {
        CHECK(read_in_pieces(data, size, most, &pieces) == PLAYCOUNT_OK);
        CHECK(!memcmp(&whole, &pieces, sizeof(whole)));
    }
    else {
        CHECK(read_in_pieces(data, size, most, &pieces) != PLAYCOUNT_OK);
    }
    if (playcount_count_parse((const char *)data, size, &count) == 0) {
        CHECK(count <= PLAYCOUNT_COUNT_MAX);
    }
    return 0;
}
