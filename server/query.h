/* The query of a URL and the numbers in it (by, top, limit): NAME=VALUE&NAME=VALUE,
 * percent-encoded, '+' for a space; what is wrong with one is said in a sentence.
 */
#ifndef PLAYCOUNT_SERVER_QUERY_H
#define PLAYCOUNT_SERVER_QUERY_H

#include <stdint.h>

#include "apr_pools.h"

/* How often the parameter is there. The value is that of the first: `value_length`
 * bytes, still encoded; a parameter without '=' has an empty one. */
int playcount_query_find(const char *query, apr_size_t length, const char *name,
                         const char **value, apr_size_t *value_length);

/* The value of a parameter, decoded; NULL if it is not there, or `query` is NULL.
 * When it cannot be decoded or is there twice, it is NULL and *error the sentence
 * of a 400. */
const char *playcount_query_value(apr_pool_t *p, const char *query,
                                  const char *name, const char **error);

/* A parameter that is a whole number from 1 to `most`. NULL, or the sentence of a
 * 400. Without the parameter *n stays as it is. */
const char *playcount_query_number(apr_pool_t *p, const char *query,
                                   const char *name, uint64_t most, uint64_t *n);

#endif
