/* A server's address in normal form. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/error.h"

/* The address without user and password and with a slash at the end, or NULL. */
static char *normal_form(CURLU *url)
{
    char *path = NULL, *text = NULL, *name = NULL;
    char *slashed = NULL;

    if (curl_url_get(url, CURLUPART_PATH, &path, 0) != CURLUE_OK) {
        return NULL;
    }
    size_t n = strlen(path);
    if (n && path[n - 1] != '/') {
        slashed = malloc(n + 2);
        if (slashed) {
            memcpy(slashed, path, n);
            memcpy(slashed + n, "/", 2);
            curl_url_set(url, CURLUPART_PATH, slashed, 0);
        }
    }
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    if ((n && path[n - 1] == '/') || slashed) {
        if (curl_url_get(url, CURLUPART_URL, &text, CURLU_NO_DEFAULT_PORT) ==
            CURLUE_OK) {
            name = strdup(text);
        }
    }
    curl_free(text);
    curl_free(path);
    free(slashed);
    return name;
}

/* A decoded part of the address, or NULL if it has none. Not 0: no memory. */
static int part(CURLU *url, CURLUPart which, char **out)
{
    char *text = NULL;
    *out = NULL;
    if (curl_url_get(url, which, &text, CURLU_URLDECODE) != CURLUE_OK) {
        return 0;
    }
    *out = strdup(text);
    curl_free(text);
    return *out ? 0 : -1;
}

static const char *fault(CURLU *url, const char *address)
{
    char *text = NULL;

    /* Without a scheme it is http, whatever the host is called. */
    unsigned flags = strstr(address, "://") ? 0 : CURLU_DEFAULT_SCHEME;
    char *with_scheme = NULL;
    if (flags) {
        with_scheme = malloc(strlen(address) + 8);
        if (!with_scheme) {
            return "no memory";
        }
        strcpy(with_scheme, "http://");
        strcat(with_scheme, address);
    }
    CURLUcode set =
        curl_url_set(url, CURLUPART_URL, with_scheme ? with_scheme : address, 0);
    free(with_scheme);
    if (set != CURLUE_OK) {
        return "it is not a URL";
    }
    if (curl_url_get(url, CURLUPART_SCHEME, &text, 0) != CURLUE_OK ||
        (strcmp(text, "http") != 0 && strcmp(text, "https") != 0)) {
        curl_free(text);
        return "the scheme is neither http nor https";
    }
    curl_free(text);
    if (curl_url_get(url, CURLUPART_QUERY, &text, 0) == CURLUE_OK ||
        curl_url_get(url, CURLUPART_FRAGMENT, &text, 0) == CURLUE_OK) {
        curl_free(text);
        return "it has a ? or #";
    }
    return NULL;
}

playcount_status playcount_server_init(playcount_server *server, int number,
                                       const char *address, playcount_error *error)
{
    memset(server, 0, sizeof(*server));
    server->number = number;
    CURLU *url = curl_url();
    if (!url) {
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no memory for a server");
    }
    const char *wrong = address && *address ? fault(url, address) : "it is empty";
    if (wrong) {
        curl_url_cleanup(url);
        /* An address that cannot be read may still have a password in it. */
        const char *at = address ? strrchr(address, '@') : NULL;
        return playcount_fail(error, PLAYCOUNT_E_USAGE, number,
                              "the server's address '%s%s' cannot be used: %s",
                              at ? "..." : "",
                              at        ? at
                              : address ? address
                                        : "",
                              wrong);
    }
    int failed = part(url, CURLUPART_USER, &server->user) ||
                 part(url, CURLUPART_PASSWORD, &server->password);
    server->name = normal_form(url);
    curl_url_cleanup(url);
    if (failed || !server->name) {
        playcount_server_free(server);
        return playcount_fail(error, PLAYCOUNT_E_MEMORY, -1,
                              "no memory for a server");
    }
    return PLAYCOUNT_OK;
}

void playcount_server_free(playcount_server *server)
{
    free(server->name);
    free(server->user);
    free(server->password);
    memset(server, 0, sizeof(*server));
}
