/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/introspect/options.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/verifiers/introspect/client_auth.h"

enum { CACHE_MAX = 300, NEGATIVE_MAX = 60, ENTRIES_MAX = 1000000 };

/* The arguments as parsed; the texts belong to the caller of open(). */
struct raw_options {
    const char *url, *client_id, *secret_file, *bearer_file, *ca, *issuer, *hint;
    const char *subject_claim;
    struct argument_list audience;
    bool insecure_http;
    bool network; /* jetond's: other hosts can be reached */
    int64_t cache, negative_cache;
    uint64_t cache_entries;
};

/* Where the message about a wrong argument goes. */
struct problem {
    char *text;
    size_t size;
};

static bool read_printable(void *field, struct slice value);
static bool read_path(void *field, struct slice value);
static bool read_cache(void *field, struct slice value);
static bool read_negative_cache(void *field, struct slice value);
static bool read_entries(void *field, struct slice value);
static bool set_url(struct options *o, const struct raw_options *raw, struct problem *problem);
static bool set_authorization(struct options *o, const struct raw_options *raw,
                              struct problem *problem);
static bool set_ca(struct options *o, const char *path, struct problem *problem);
static bool set_texts(struct options *o, const struct raw_options *raw, struct problem *problem);
static void warn_of_network(const struct options *o, struct problem *problem);

/* clang-format off */
#define ROW(name, reader, field, ...) \
    { .key = name, .read = reader, .offset = offsetof(struct raw_options, field), .expected = __VA_ARGS__ }
/* clang-format on */
static const struct argument_row rows[] = {
    ROW("url", argument_text, url,
        "https://HOST/PATH, http://127.0.0.1/PATH or http+unix:///SOCKET:/PATH", .required = true),
    ROW("client_id", read_printable, client_id, "1 to 512 bytes of printable ASCII"),
    ROW("secret_file", read_path, secret_file, "an absolute path"),
    ROW("bearer_file", read_path, bearer_file, "an absolute path"),
    ROW("ca", read_path, ca, "the absolute path of a PEM file"),
    ROW("issuer", argument_text, issuer, "the iss of the responses"),
    ROW("audience", argument_append, audience, "an aud of the responses, at most 16 times",
        .repeated = true),
    ROW("token_type_hint", read_printable, hint, "access_token, another hint, or none"),
    ROW("subject_claim", read_printable, subject_claim,
        "the member of the responses that is the subject, such as sub or username"),
    ROW("insecure_http", argument_flag, insecure_http, "yes or no"),
    ROW("network", argument_flag, network, "left out: it is set in [daemon]"),
    ROW("cache", read_cache, cache, "a duration from 0s (off) to 5m"),
    ROW("negative_cache", read_negative_cache, negative_cache, "a duration from 0s (off) to 60s"),
    ROW("cache_entries", read_entries, cache_entries, "a number from 1 to 1000000"),
};
#undef ROW

/* Set the problem's text; return false, for a caller that returns it. */
static bool set_problem(struct problem *problem, const char *what, const char *why)
{
    snprintf(problem->text, problem->size, "%s%s", what, why);
    return false;
}

void options_free(struct options *o)
{
    if (o == NULL)
        return;
    client_auth_free(o->authorization);
    for (size_t i = 0; i < o->audiences; i++)
        free(o->audience[i]);
    free(o->url);
    free(o->socket);
    free(o->hint);
    free(o->subject_claim);
    free(o->issuer);
    free(o->ca);
    free(o);
}

struct options *options_new(const struct jeton_argument *arguments, size_t count, char *problem,
                            size_t size)
{
    struct raw_options raw = { .hint = "access_token",
                               .subject_claim = "sub",
                               .network = true,
                               .cache = 10,
                               .negative_cache = 2,
                               .cache_entries = 10000 };
    struct problem p = { problem, size };
    struct options *o;

    if (!arguments_read(rows, sizeof(rows) / sizeof(rows[0]), &raw, arguments, count, problem,
                        size))
        return NULL;
    o = calloc(1, sizeof(*o));
    if (o == NULL) {
        set_problem(&p, "", "out of memory");
        return NULL;
    }
    o->cache = raw.cache;
    o->negative_cache = raw.negative_cache;
    o->cache_entries = raw.cache_entries;
    if (set_url(o, &raw, &p) && set_authorization(o, &raw, &p) && set_ca(o, raw.ca, &p) &&
        set_texts(o, &raw, &p)) {
        warn_of_network(o, &p);
        return o;
    }
    options_free(o);
    return NULL;
}

/* -- readers ----------------------------------------------------------------------------------- */

static bool read_printable(void *field, struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < ' ' || value.at[i] > '~')
            return false;
    return value.len <= CLIENT_AUTH_ID_MAX && argument_text(field, value);
}

static bool read_path(void *field, struct slice value)
{
    return argument_text(field, value) && value.at[0] == '/';
}

static bool read_cache(void *field, struct slice value)
{
    return argument_duration(field, value) && *(int64_t *)field <= CACHE_MAX;
}

static bool read_negative_cache(void *field, struct slice value)
{
    return argument_duration(field, value) && *(int64_t *)field <= NEGATIVE_MAX;
}

static bool read_entries(void *field, struct slice value)
{
    uint64_t *number = field;

    return argument_number(field, value) && *number >= 1 && *number <= ENTRIES_MAX;
}

/* -- url= -------------------------------------------------------------------------------------- */

/* Split http+unix:///run/oauth.sock:/introspect at the colon into a socket and an HTTP path. */
static bool set_unix_url(struct options *o, const char *rest, struct problem *problem)
{
    static const char host[] = "http://localhost";
    const char *colon = strchr(rest, ':');
    size_t length = colon != NULL ? (size_t)(colon - rest) : 0;

    if (rest[0] != '/' || colon == NULL || colon[1] != '/')
        return set_problem(problem, "url=: ", "this should be http+unix:///SOCKET:/PATH");
    if (length >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return set_problem(problem, "url=: ", "the path of the socket is longer than 107 bytes");
    size_t size = sizeof(host) + strlen(colon + 1);
    o->socket = strndup(rest, length);
    o->url = malloc(size);
    if (o->socket == NULL || o->url == NULL)
        return set_problem(problem, "", "out of memory");
    snprintf(o->url, size, "%s%s", host, colon + 1);
    return true;
}

/* True for names that always lead to this host. */
static bool is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 ||
           strcmp(host, "localhost") == 0;
}

static const char *url_parts_fault(struct options *o, CURLU *u, bool insecure)
{
    char *scheme = NULL, *host = NULL, *fragment = NULL;
    const char *fault = NULL;

    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || host[0] == '\0')
        fault = "it has no host";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        fault = "this should be https://, http:// or http+unix://";
    else if (strcmp(scheme, "http") == 0 && !is_loopback(host) && !insecure)
        fault = "http:// would send tokens in clear over the network: use https://, or set "
                "insecure_http=yes";
    else if (curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_OK)
        fault = "it has a fragment (#)";
    else
        o->scheme = strcmp(scheme, "https") == 0 ? "https" : "http";
    curl_free(scheme);
    curl_free(host);
    curl_free(fragment);
    return fault;
}

static const char *url_fault(struct options *o, bool insecure)
{
    CURLU *u = curl_url();
    const char *fault;

    if (u == NULL)
        return "out of memory";
    CURLUcode code = curl_url_set(u, CURLUPART_URL, o->url, CURLU_DISALLOW_USER);
    if (code == CURLUE_USER_NOT_ALLOWED)
        fault = "a user and a password belong into client_id= and secret_file=";
    else if (code == CURLUE_UNSUPPORTED_SCHEME)
        fault = "this should be https://, http:// or http+unix://";
    else
        fault = code != CURLUE_OK ? curl_url_strerror(code) : url_parts_fault(o, u, insecure);
    curl_url_cleanup(u);
    return fault;
}

static bool set_url(struct options *o, const struct raw_options *raw, struct problem *problem)
{
    static const char prefix[] = "http+unix://";

    for (const char *at = raw->url; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return set_problem(problem,
                               "url=: ", "it has a space or a byte that is not printable ASCII");
    if (strncmp(raw->url, prefix, sizeof(prefix) - 1) == 0) {
        if (!set_unix_url(o, raw->url + sizeof(prefix) - 1, problem))
            return false;
    } else {
        o->url = strdup(raw->url);
        if (o->url == NULL)
            return set_problem(problem, "", "out of memory");
    }
    const char *fault = url_fault(o, raw->insecure_http);
    if (fault == NULL && o->socket == NULL && !raw->network)
        fault = "only a Unix socket can be reached: set [daemon] network = yes and restart jetond, "
                "or use http+unix://";
    return fault == NULL || set_problem(problem, "url=: ", fault);
}

/* -- other options------------------------------------------------------------------------------ */

static bool set_authorization(struct options *o, const struct raw_options *raw,
                              struct problem *problem)
{
    char why[256];

    if ((raw->client_id == NULL) != (raw->secret_file == NULL))
        return set_problem(problem, "", "client_id= and secret_file= belong together");
    if (raw->client_id != NULL && raw->bearer_file != NULL)
        return set_problem(problem, "", "client_id= and bearer_file= exclude each other");
    if (raw->client_id == NULL && raw->bearer_file == NULL)
        return true;
    if (raw->client_id != NULL)
        o->authorization = client_auth_basic(raw->client_id, raw->secret_file, why, sizeof(why));
    else
        o->authorization = client_auth_bearer(raw->bearer_file, why, sizeof(why));
    return o->authorization != NULL ||
           set_problem(problem, raw->client_id != NULL ? "secret_file=: " : "bearer_file=: ", why);
}

static const char *load_ca(struct options *o, int fd)
{
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > OPTIONS_CA_MAX)
        return "this should be a regular file of at most 4 MiB";
    o->ca = calloc(1, (size_t)st.st_size + 1);
    if (o->ca == NULL)
        return "out of memory";
    ssize_t got = pread(fd, o->ca, (size_t)st.st_size, 0);
    if (got < 0)
        return strerror(errno);
    o->ca_length = (size_t)got;
    return strstr(o->ca, "-----BEGIN CERTIFICATE-----") != NULL ?
               NULL :
               "there is no certificate in it: this should be a PEM file";
}

static bool set_ca(struct options *o, const char *path, struct problem *problem)
{
    if (path == NULL)
        return true;
    if (strcmp(o->scheme, "https") != 0)
        return set_problem(problem, "ca=: ", "this is for an https:// url only");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *fault = load_ca(o, fd);
    if (fault != NULL)
        snprintf(problem->text, problem->size, "ca=: %.200s: %s", path, fault);
    if (fd >= 0)
        close(fd);
    return fault == NULL;
}

static bool set_texts(struct options *o, const struct raw_options *raw, struct problem *problem)
{
    bool has_hint = strcmp(raw->hint, "none") != 0;

    if (strlen(raw->hint) > OPTIONS_HINT_MAX)
        return set_problem(problem, "token_type_hint=: ", "this should be at most 64 bytes long");
    o->subject_claim = strdup(raw->subject_claim);
    o->hint = has_hint ? strdup(raw->hint) : NULL;
    o->issuer = raw->issuer != NULL ? strdup(raw->issuer) : NULL;
    if (o->subject_claim == NULL || (has_hint && o->hint == NULL) ||
        (raw->issuer != NULL && o->issuer == NULL))
        return set_problem(problem, "", "out of memory");
    for (size_t i = 0; i < raw->audience.count; i++) {
        o->audience[i] = strdup(raw->audience.text[i]);
        if (o->audience[i] == NULL)
            return set_problem(problem, "", "out of memory");
        o->audiences++;
    }
    return true;
}

static bool has_family(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 || (errno != EAFNOSUPPORT && errno != EPERM && errno != EACCES);

    if (fd >= 0)
        close(fd);
    return has;
}

/* Say so where something else than jetond denies the network: the systemd unit does. */
static void warn_of_network(const struct options *o, struct problem *problem)
{
    if (o->socket == NULL && !has_family(AF_INET) && !has_family(AF_INET6))
        set_problem(problem, "url=: ",
                    "this process has no network, so that the server cannot be asked: the systemd "
                    "unit may deny it (network.conf)");
}
