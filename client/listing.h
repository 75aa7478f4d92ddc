/* Reading counts and listings, as they arrive.
 *
 * A listing is `ID=COUNT` entries with a comma or a newline between them; it may be
 * empty, and may end with a newline; a newline may be CRLF, and blanks may stand
 * around an entry. Ids are percent-encoded (id.h). An entry may be cut at any byte
 * by the pieces in which it arrives.
 */
#ifndef PLAYCOUNT_CLIENT_LISTING_H
#define PLAYCOUNT_CLIENT_LISTING_H

#include "client/id.h"

/* The longest entry: an encoded id, =, 19 digits. */
#define PLAYCOUNT_ENTRY_BYTES (PLAYCOUNT_ID_ENCODED + 20)

/* Given one entry; not 0: stop. */
typedef int playcount_entry(void *context, const char *id, uint64_t count);

typedef struct {
    playcount_entry *entry;
    void *context;
    uint64_t entries; /* read so far */
    const char
        *fault;  /* what is wrong with the listing, after PLAYCOUNT_E_ANSWER */
    size_t held; /* bytes of an unfinished entry */
    char hold[PLAYCOUNT_ENTRY_BYTES + 64]; /* with a few blanks */
    int broken_line; /* the last separator was a newline: nothing need follow it */
} playcount_listing;

void playcount_listing_init(playcount_listing *listing, playcount_entry *entry,
                            void *context);

/* Read the next piece. PLAYCOUNT_E_ANSWER: not a listing; PLAYCOUNT_E_STOPPED. */
playcount_status playcount_listing_read(playcount_listing *listing,
                                        const char *piece, size_t n);

/* There are no more pieces. */
playcount_status playcount_listing_end(playcount_listing *listing);

/* A count: 1 to 19 decimal digits, up to PLAYCOUNT_COUNT_MAX. Not 0: it is not one.
 */
int playcount_count_parse(const char *text, size_t n, uint64_t *count);

#endif
