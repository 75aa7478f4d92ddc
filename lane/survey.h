/* Where the lane may answer at all: read from the configuration, once per start.
 *
 * The lane answers a request without asking any module. That is right only if
 * everything that could have a say in it says the same again as long as connection,
 * method, HTTP version and headers are the same and only the song's id differs. So
 * the survey looks at all that could have a say, and knows by name what meets that
 * condition; everything else keeps the lane out:
 *
 *     the modules that hook into a request's phases
 *     the directives of the server, the virtual host, and the locations that
 *     contain the songs
 *     locations that contain some songs only, or are patterns
 *
 * For each location with `SetHandler playcount` of a server with `PlaycountLane On`
 * the log says at the start whether the lane answers there, or what keeps it out.
 */
#ifndef PLAYCOUNT_LANE_SURVEY_H
#define PLAYCOUNT_LANE_SURVEY_H

#include "httpd.h"

typedef struct {
    server_rec *server;
    const char *root; /* of the location, no '/' at its end */
    apr_size_t root_length;
    const char *refusal; /* what keeps the lane out; NULL: nothing */
} playcount_lane_place;

/* In post_config, after all other modules'. Returns how many places there are that
 * the lane may answer. */
int playcount_lane_survey(server_rec *s, apr_pool_t *pconf, apr_pool_t *ptemp);

/* The place with this root, NULL if there is none. */
const playcount_lane_place *playcount_lane_place_of(const server_rec *s,
                                                    const char *uri,
                                                    apr_size_t root_length);

/* known.c: names of what has no say that changes with the id or the time. */
int playcount_lane_knows_module(const char *source);
int playcount_lane_knows_directive(const char *name);

/* known.c: a header that may mean something else in each request, or says that
 * there is a body. */
int playcount_lane_shuns_header(const char *name, const char *value);

/* known.c: a filter that changes nothing that the lane would not. */
int playcount_lane_knows_filter(const char *name);

/* known.c: a Require that decides by connection and method only. */
int playcount_lane_knows_require(apr_pool_t *p, const char *arguments);

#endif
