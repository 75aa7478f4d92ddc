/* TLS to Redis, where the build has it: hiredis 1.0 or later with its hiredis_ssl
 * (Debian 12's is older), and OpenSSL's headers.
 *
 * The OpenSSL context is this file's own, not hiredis': so a node's certificate is
 * held to a name, which hiredis leaves out, and a refusal can say what is wrong
 * with it. It is made as the options are read, when httpd may still read what its
 * children may not, and lives as long as the configuration.
 *
 * With TLS 1.3 a client learns after the handshake whether its own certificate was
 * taken, so the reason for a broken connection may be in OpenSSL's queue of errors:
 * playcount_redis_tls_says(). */
#include "handoff/redis.h"

#include <errno.h>
#include <string.h>

#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "apr_strings.h"

/* --- the options --- */

static apr_status_t drop(void *data)
{
    SSL_CTX_free(data);
    return APR_SUCCESS;
}

/* A key that needs a passphrase is refused: nobody is there to type it. */
static int no_passphrase(char *to, int size, int is_writing, void *data)
{
    return 0;
}

static SSL_CTX *new_context(apr_pool_t *p)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (tls) {
        apr_pool_cleanup_register(p, tls, drop, apr_pool_cleanup_null);
        SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_default_passwd_cb(tls, no_passphrase);
    }
    return tls;
}

/* What OpenSSL says first; its queue is empty afterwards. */
static const char *first_error(void)
{
    unsigned long error = ERR_peek_error();
    const char *reason = !error ? NULL
                         : ERR_GET_LIB(error) == ERR_LIB_SYS
                             ? strerror(ERR_GET_REASON(error))
                             : ERR_reason_error_string(error);

    ERR_clear_error();
    return reason;
}

static const char *unusable(const char *remedy, apr_pool_t *p)
{
    const char *reason = first_error();

    return apr_psprintf(p, "cannot be used (%s); %s",
                        reason ? reason : "no reason given", remedy);
}

/* An option that names a file, which `load` has the context read; the first one
 * makes the context. */
static const char *read_file(playcount_handoff *h, const char *value,
                             int (*load)(SSL_CTX *tls, const char *path),
                             const char *remedy, apr_pool_t *p)
{
    playcount_redis *redis = h->state;
    const char *path = ap_server_root_relative(p, value);

    if (!redis->tls && !(redis->tls = new_context(p))) {
        return "cannot be used: OpenSSL gives no context";
    }
    return path && load(redis->tls, path) == 1 ? NULL : unusable(remedy, p);
}

static int load_authority(SSL_CTX *tls, const char *path)
{
    return SSL_CTX_load_verify_locations(tls, path, NULL);
}

const char *playcount_redis_read_tls(playcount_handoff *h, const char *value,
                                     apr_pool_t *p)
{
    ((playcount_redis *)h->state)->has_authority = 1;
    return read_file(h, value, load_authority,
                     "name a file with the certificates of the authority that "
                     "signed those of the nodes",
                     p);
}

const char *playcount_redis_read_tls_name(playcount_handoff *h, const char *value,
                                          apr_pool_t *p)
{
    ((playcount_redis *)h->state)->tls_name = value;
    return *value ? NULL : "is no name";
}

const char *playcount_redis_read_tls_cert(playcount_handoff *h, const char *value,
                                          apr_pool_t *p)
{
    ((playcount_redis *)h->state)->has_certificate = 1;
    return read_file(h, value, SSL_CTX_use_certificate_chain_file,
                     "name a file with this server's certificate, and those "
                     "between it and its authority",
                     p);
}

static int load_key(SSL_CTX *tls, const char *path)
{
    return SSL_CTX_use_PrivateKey_file(tls, path, SSL_FILETYPE_PEM);
}

const char *playcount_redis_read_tls_key(playcount_handoff *h, const char *value,
                                         apr_pool_t *p)
{
    ((playcount_redis *)h->state)->has_key = 1;
    return read_file(h, value, load_key,
                     "name a file with the key of the certificate of tls-cert=, "
                     "without a passphrase",
                     p);
}

const char *playcount_redis_check_tls(const playcount_redis *redis)
{
    if ((redis->tls_name || redis->tls) && !redis->has_authority) {
        return "tls-name=, tls-cert= and tls-key= need tls=CA-FILE";
    }
    if (redis->has_certificate != redis->has_key) {
        return "tls-cert= and tls-key= need each other";
    }
    if (redis->has_key && SSL_CTX_check_private_key(redis->tls) != 1) {
        ERR_clear_error();
        return "the key of tls-key= is not that of the certificate of tls-cert=";
    }
    return NULL;
}

/* --- a connection --- */

/* The certificate must be for this name, or address. */
static int expect(SSL *ssl, const char *name)
{
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 ||
           (SSL_set1_host(ssl, name) == 1 &&
            SSL_set_tlsext_host_name(ssl, name) == 1);
}

/* What is wrong with the certificate; NULL when nothing is. */
static const char *refused(const SSL *ssl, const char *name, apr_pool_t *p)
{
    long result = SSL_get_verify_result(ssl);

    switch (result) {
    case X509_V_OK:
        return NULL;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return apr_psprintf(p,
                            "its certificate is not for %s; tls-name= can name "
                            "another that it is for",
                            name);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "its certificate is not signed by the authority of tls=";
    default:
        return apr_psprintf(p, "its certificate is refused: %s",
                            X509_verify_cert_error_string(result));
    }
}

static const struct {
    int reason;
    const char *says;
} reasons[] = {
    {SSL_R_WRONG_VERSION_NUMBER, "it answers without TLS; name its tls-port"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
     "it asks for a certificate; set tls-cert= and tls-key=, or in Redis "
     "tls-auth-clients no"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "it does not know the authority of the certificate of tls-cert="},
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, "it closed the connection"},
#endif
};

const char *playcount_redis_tls_says(const playcount_redis *redis)
{
    unsigned long error = redis->tls ? ERR_peek_error() : 0;

    for (size_t i = 0; error && i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
            ERR_GET_REASON(error) == reasons[i].reason) {
            ERR_clear_error();
            return reasons[i].says;
        }
    }
    return error ? first_error() : NULL;
}

/* Why there was no handshake. */
static const char *trouble(const playcount_redis *redis, const SSL *ssl,
                           const char *name, int failed_with, apr_pool_t *p)
{
    const char *why = refused(ssl, name, p);

    if (!why) {
        why = playcount_redis_tls_says(redis);
    }
    if (!why) {
        why = failed_with == EAGAIN
                  ? "it does not answer the handshake; is that its tls-port?"
                  : "it closes the connection; is that its tls-port?";
    }
    ERR_clear_error();
    return why;
}

int playcount_redis_start_tls(const playcount_redis *redis, redisContext *c,
                              const char *host, apr_pool_t *p, const char **why)
{
    const char *name = redis->tls_name ? redis->tls_name : host;
    SSL *ssl;

    if (!redis->tls) {
        return 1;
    }
    ERR_clear_error();
    ssl = SSL_new(redis->tls);
    if (!ssl || !expect(ssl, name)) {
        SSL_free(ssl);
        *why = "OpenSSL gives no connection";
        return 0;
    }
    errno = 0;
    if (redisInitiateSSL(c, ssl) == REDIS_OK) {
        return 1; /* hiredis frees it with the connection */
    }
    *why = trouble(redis, ssl, name, errno, p);
    SSL_free(ssl);
    return 0;
}
