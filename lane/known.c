/* What the lane knows by name: modules, directives, providers of Require and
 * filters that it may pass over, and the headers that keep it out. Any other
 * module, directive or filter keeps it out: a name is added when it is certain that
 * what it does for a request depends on nothing but the connection, the method and
 * the headers. Any other header is compared with that of the request it was learned
 * from. */

#include "lane/survey.h"

#include <strings.h>

#include "apr_strings.h"

/* Is the name one of these words? */
static int is_among(const char *name, const char *words)
{
    apr_size_t length = strlen(name);

    while (*words) {
        apr_size_t n = strcspn(words, " ");

        if (n == length && !strncasecmp(name, words, n)) {
            return 1;
        }
        words += n + (words[n] == ' ');
    }
    return 0;
}

/* Those of httpd whose hooks do nothing that a directive, a filter or a user would
 * not tell of. */
static const char modules[] =
    "core.c http_core.c mod_so.c event.c mod_unixd.c mod_watchdog.c "
    "mod_log_config.c mod_logio.c mod_version.c mod_authz_core.c "
    "mod_authz_host.c mod_authz_user.c mod_authn_core.c mod_authn_file.c "
    "mod_auth_basic.c mod_auth_digest.c mod_authz_groupfile.c mod_alias.c "
    "mod_dir.c mod_mime.c mod_negotiation.c mod_autoindex.c mod_setenvif.c "
    "mod_env.c mod_headers.c mod_deflate.c mod_filter.c mod_rewrite.c "
    "mod_status.c mod_info.c mod_reqtimeout.c mod_macro.c mod_dbd.c "
    "mod_expires.c mod_proxy.c mod_proxy_http.c mod_proxy_fcgi.c "
    "mod_proxy_wstunnel.c mod_cgi.c mod_cgid.c mod_include.c mod_ssl.c "
    "mod_http2.c mod_socache_shmcb.c mod_unique_id.c mod_access_compat.c "
    "mod_userdir.c mod_actions.c mod_brotli.c mod_ratelimit.c mod_playcount.c ";

int playcount_lane_knows_module(const char *source)
{
    return source && is_among(source, modules);
}

static const char directives[] =
    /* core and the MPMs */
    "AcceptFilter AcceptPathInfo AddDefaultCharset AllowEncodedSlashes "
    "AllowOverride AllowOverrideList ContentDigest CoreDumpDirectory "
    "DefaultRuntimeDir DefaultType Define DocumentRoot EnableMMAP "
    "EnableSendfile Error ErrorDocument ErrorLog ErrorLogFormat "
    "ExtendedStatus FileETag FlushMaxPipelined FlushMaxThreshold ForceType "
    "GracefulShutdownTimeout Group HostnameLookups HttpProtocolOptions "
    "Include IncludeOptional KeepAlive KeepAliveTimeout "
    "LimitInternalRecursion LimitRequestBody LimitRequestFields "
    "LimitRequestFieldSize LimitRequestLine LimitXMLRequestBody Listen "
    "ListenBacklog ListenCoresBucketsRatio LoadFile LoadModule LogLevel "
    "MaxConnectionsPerChild MaxKeepAliveRequests MaxMemFree MaxRangeOverlaps "
    "MaxRangeReversals MaxRanges MaxRequestsPerChild MaxRequestWorkers "
    "MaxClients AsyncRequestWorkerFactor MergeSlashes MergeTrailers "
    "MinSpareServers MaxSpareServers MinSpareThreads MaxSpareThreads Mutex Options "
    "PidFile Protocols "
    "ProtocolsHonorOrder ReceiveBufferSize RegexDefaultOptions RLimitCPU "
    "RLimitMEM RLimitNPROC ScoreBoardFile SeeRequestTail SendBufferSize "
    "ServerAdmin ServerAlias ServerLimit ServerName ServerPath ServerRoot "
    "ServerSignature ServerTokens SetHandler StartServers StrictHostCheck "
    "ThreadLimit ThreadsPerChild ThreadStackSize Timeout TraceEnable UnDefine "
    "UseCanonicalName UseCanonicalPhysicalPort User WatchdogInterval "
    "ChrootDir "
    /* filters: an answer that one of them is in the way of is not learned from */
    "AddOutputFilter AddOutputFilterByType SetOutputFilter "
    "DeflateCompressionLevel DeflateBufferSize DeflateFilterNote "
    "DeflateMemLevel DeflateWindowSize FilterDeclare FilterProvider "
    "FilterChain FilterProtocol Header ExpiresActive ExpiresByType "
    "ExpiresDefault "
    /* about files, of which none is looked for */
    "AddAlt AddAltByEncoding AddAltByType AddCharset AddDescription "
    "AddEncoding AddHandler AddIcon AddIconByEncoding AddIconByType "
    "AddLanguage AddType CacheNegotiatedDocs DefaultIcon DefaultLanguage "
    "DirectoryCheckHandler DirectoryIndex DirectoryIndexRedirect "
    "DirectorySlash FallbackResource ForceLanguagePriority HeaderName "
    "IndexHeadInsert IndexIgnore IndexIgnoreReset IndexOptions "
    "IndexOrderDefault IndexStyleSheet LanguagePriority MimeMagicFile "
    "ModMimeUsePathInfo MultiviewsMatch ReadmeName RemoveCharset "
    "RemoveEncoding RemoveHandler RemoveLanguage RemoveType TypesConfig "
    "UserDir ScriptSock ScriptLog ScriptInterpreterSource "
    /* the environment of scripts */
    "PassEnv SetEnv UnsetEnv BrowserMatch BrowserMatchNoCase "
    /* formats of logs; the logs themselves are another matter */
    "LogFormat BufferedLogs LogIOTrackTTFB "
    /* of the connection */
    "RequestReadTimeout SSLEngine SSLCertificateFile SSLCertificateKeyFile "
    "SSLCertificateChainFile SSLCipherSuite SSLProtocol SSLHonorCipherOrder "
    "SSLPassPhraseDialog SSLRandomSeed SSLSessionCache SSLSessionCacheTimeout "
    "SSLSessionTickets SSLUseStapling SSLStaplingCache H2Direct H2Upgrade "
    "H2MaxWorkers H2MinWorkers H2ModernTLSOnly "
    /* without a rule they do nothing */
    "RewriteEngine RewriteCond RewriteBase RewriteMap "
    /* other */
    "DBDriver DBDParams DBDPersist DBDPrepareSQL DBDInitSQL DBDMin DBDKeep "
    "DBDMax DBDExptime SeeRequestTail ProxyStatus StatusReport ";

int playcount_lane_knows_directive(const char *name)
{
    return is_among(name, directives) || !strncasecmp(name, "Playcount", 9);
}

/* --- headers and filters --- */

static const char headers[] =
    "Authorization Proxy-Authorization Transfer-Encoding Expect Upgrade "
    "HTTP2-Settings Range If-Range If-Match If-None-Match If-Modified-Since "
    "If-Unmodified-Since Idempotency-Key Trailer TE Content-Encoding ";

int playcount_lane_shuns_header(const char *name, const char *value)
{
    return is_among(name, headers) ||
           (!strcasecmp(name, "Content-Length") && strcmp(value, "0"));
}

/* httpd's own for HTTP, the core's, and those that count. */
static const char filters[] =
    "byterange content_length http_header http_outerror core log_input_output "
    "http_in core_in reqtimeout playcount_blocks playcount_lane_in "
    "playcount_lane_stay "
    "playcount_lane_watch old_write ";

int playcount_lane_knows_filter(const char *name)
{
    return is_among(name, filters);
}

/* --- Require --- */

static const char variables[] =
    "REQUEST_METHOD REMOTE_ADDR REMOTE_PORT SERVER_ADDR SERVER_PORT "
    "SERVER_NAME HTTPS SERVER_PROTOCOL ";

static const char *skip_variable(apr_pool_t *p, const char *at)
{
    const char *end = strchr(at, '}');

    return end && is_among(apr_pstrmemdup(p, at + 2, (apr_size_t)(end - at - 2)),
                           variables)
               ? end + 1
               : NULL;
}

/* Strings in quotes, the variables above, comparisons and their combination; no
 * functions, no operators with a name, no files. */
static int is_known_expression(apr_pool_t *p, const char *at)
{
    char quote = 0;

    while (at && *at) {
        if (at[0] == '%') {
            at = at[1] == '{' ? skip_variable(p, at) : NULL;
        }
        else if (*at == '\\' || *at == '`' || *at == '$') {
            return 0;
        }
        else if (*at == quote) {
            quote = 0;
            at++;
        }
        else if (!quote && (*at == '\'' || *at == '"')) {
            quote = *at++;
        }
        else if (quote || strchr("=!&| ()", *at)) {
            at++;
        }
        else {
            return 0;
        }
    }
    return at && !quote;
}

int playcount_lane_knows_require(apr_pool_t *p, const char *arguments)
{
    static const char of_the_connection[] = "all ip local method host";
    const char *provider = ap_getword_conf(p, &arguments);

    if (!strcasecmp(provider, "not")) {
        provider = ap_getword_conf(p, &arguments);
    }
    if (!strcasecmp(provider, "expr")) {
        const char *rest = arguments;
        const char *whole = ap_getword_conf(p, &rest);

        /* In quotes as one argument, or as it is. */
        return is_known_expression(p, *rest ? arguments : whole);
    }
    return is_among(provider, of_the_connection) && !strchr(arguments, '%');
}
