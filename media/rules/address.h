/* Addresses: what of one tells listeners apart, and lists of networks.
 *
 * An IPv4 address counts whole, of an IPv6 address the first 64 bits: the rest
 * changes from hour to hour on one device (IAB 2.3, 5.5.4). An IPv4 address mapped
 * into IPv6
 * (::ffff:192.0.2.1) is the IPv4 address.
 *
 * A list file has one network a line, and anything behind a '#' is a comment:
 *
 *     192.0.2.0/24
 *     2001:db8::/32
 *     198.51.100.7
 */
#ifndef PLAYCOUNT_MEDIA_RULES_ADDRESS_H
#define PLAYCOUNT_MEDIA_RULES_ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint8_t bytes[16]; /* IPv4 is kept mapped, ::ffff:a.b.c.d */
} playcount_address;

/* From the 4 or 16 bytes of an address in network order. */
static inline void playcount_address_set(playcount_address *address,
                                         const void *bytes, size_t length)
{
    if (length == 4) {
        memset(address->bytes, 0, 10);
        memset(address->bytes + 10, 0xff, 2);
        memcpy(address->bytes + 12, bytes, 4);
    }
    else {
        memcpy(address->bytes, bytes, sizeof(address->bytes));
    }
}

/* From text: dotted IPv4, or IPv6 without a zone or brackets. 0: it is no address.
 */
int playcount_address_read(playcount_address *address, const char *text, size_t n);

/* What tells listeners apart: the first 64 bits of an IPv6 address. */
playcount_address playcount_address_listener(const playcount_address *address);

typedef struct playcount_networks playcount_networks;

/* An empty list. NULL: no memory. */
playcount_networks *playcount_networks_new(void);
void playcount_networks_free(playcount_networks *networks);

/* Add the networks of a file, whose addresses are refused, or never refused
 * (allow). 0, or -1 with a sentence in wrong[] that names the file and the line.
 * Not concurrently with anything. */
int playcount_networks_load(playcount_networks *networks, const char *path,
                            int allow, char *wrong, size_t wrong_size);

/* Is an address refused? Allowed networks win. `networks` may be NULL. May be
 * called concurrently. */
int playcount_networks_refuse(const playcount_networks *networks,
                              const playcount_address *address);

#endif
