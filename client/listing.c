/* Reading counts and listings, as they arrive. See listing.h. */
#include <string.h>

#include "client/listing.h"

int playcount_count_parse(const char *text, size_t n, uint64_t *count)
{
    uint64_t value = 0;
    if (n < 1 || n > 19) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = 10 * value + (uint64_t)(text[i] - '0');
    }
    if (value > PLAYCOUNT_COUNT_MAX) {
        return -1;
    }
    *count = value;
    return 0;
}

void playcount_listing_init(playcount_listing *listing, playcount_entry *entry,
                            void *context)
{
    listing->entry = entry;
    listing->context = context;
    listing->entries = 0;
    listing->fault = NULL;
    listing->held = 0;
    listing->broken_line = 0;
}

static playcount_status fault(playcount_listing *listing, const char *what)
{
    listing->fault = what;
    return PLAYCOUNT_E_ANSWER;
}

/* Blanks around an entry, and the CR of a line that ends with CRLF, do not belong
 * to it. */
static const char *trim(const char *text, size_t *n)
{
    while (*n && (*text == ' ' || *text == '\t')) {
        text++;
        --*n;
    }
    while (*n && strchr(" \t\r", text[*n - 1]) && text[*n - 1]) {
        --*n;
    }
    return text;
}

/* One whole entry. */
static playcount_status take(playcount_listing *listing, const char *text, size_t n)
{
    char id[PLAYCOUNT_ENTRY_BYTES + 1];
    uint64_t count;

    text = trim(text, &n);
    const char *equals = memchr(text, '=', n);
    if (!equals || n > PLAYCOUNT_ENTRY_BYTES) {
        return fault(listing, "an entry is not of the form ID=COUNT");
    }
    size_t length = (size_t)(equals - text);
    if (memchr(text, '\0', length) || playcount_percent_decode(text, length, id) ||
        playcount_id_fault(id)) {
        return fault(listing, "an entry has no valid id");
    }
    if (playcount_count_parse(equals + 1, n - length - 1, &count)) {
        return fault(listing, "an entry has no valid count");
    }
    listing->entries++;
    return listing->entry(listing->context, id, count) ? PLAYCOUNT_E_STOPPED
                                                       : PLAYCOUNT_OK;
}

static const char *separator(const char *piece, const char *end)
{
    while (piece < end && *piece != ',' && *piece != '\n') {
        piece++;
    }
    return piece;
}

playcount_status playcount_listing_read(playcount_listing *listing,
                                        const char *piece, size_t n)
{
    const char *end = piece + n;
    while (piece < end) {
        const char *stop = separator(piece, end);
        size_t part = (size_t)(stop - piece);
        playcount_status status = PLAYCOUNT_OK;

        if (listing->held + part > sizeof(listing->hold)) {
            return fault(listing, "an entry is longer than any can be");
        }
        if (stop == end || listing->held) {
            memcpy(listing->hold + listing->held, piece, part);
            listing->held += part;
        }
        if (stop == end) {
            return PLAYCOUNT_OK;
        }
        if (listing->held) {
            status = take(listing, listing->hold, listing->held);
        }
        else {
            status = take(listing, piece, part);
        }
        listing->held = 0;
        listing->broken_line = *stop == '\n';
        if (status != PLAYCOUNT_OK) {
            return status;
        }
        piece = stop + 1;
    }
    return PLAYCOUNT_OK;
}

playcount_status playcount_listing_end(playcount_listing *listing)
{
    if (!listing->held) {
        if (listing->entries && !listing->broken_line) {
            return fault(listing, "it ends in the middle of an entry");
        }
        return PLAYCOUNT_OK;
    }
    playcount_status status = take(listing, listing->hold, listing->held);
    listing->held = 0;
    return status;
}
