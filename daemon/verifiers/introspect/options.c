/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/introspect/options.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/verifiers/introspect/client_auth.h"

enum { CACHE_MAX = 300, NEGATIVE_MAX = 60, ENTRIES_MAX = 1000000 };

/* As given; texts belong to the caller of open(). */
struct given {
    const char *url, *client_id, *secret_file, *bearer_file, *ca, *issuer, *hint;
    const char *subject_claim;
    struct argument_list audience;
    bool insecure_http;
    int64_t cache, negative_cache;
    uint64_t cache_entries;
};

/* Where a refusal is put. */
struct complaint {
    char *text;
    size_t room;
};

static bool read_printable(void *field, struct slice value);
static bool read_path(void *field, struct slice value);
static bool read_cache(void *field, struct slice value);
static bool read_negative(void *field, struct slice value);
static bool read_entries(void *field, struct slice value);
static bool take_url(struct options *o, const struct given *g, struct complaint c);
static bool take_authorization(struct options *o, const struct given *g, struct complaint c);
static bool take_ca(struct options *o, const char *path, struct complaint c);
static bool take_texts(struct options *o, const struct given *g, struct complaint c);

/* clang-format off */
#define ROW(name, reader, field, ...) \
    { .key = name, .read = reader, .offset = offsetof(struct given, field), .right = __VA_ARGS__ }
/* clang-format on */
static const struct argument_row rows[] = {
    ROW("url", argument_text, url,
        "https://HOST/PATH, http://127.0.0.1/PATH or http+unix:///SOCKET:/PATH", .needed = true),
    ROW("client_id", read_printable, client_id, "1 to 512 bytes of printable ASCII"),
    ROW("secret_file", read_path, secret_file, "an absolute path"),
    ROW("bearer_file", read_path, bearer_file, "an absolute path"),
    ROW("ca", read_path, ca, "the absolute path of a PEM file"),
    ROW("issuer", argument_text, issuer, "the iss of the answers"),
    ROW("audience", argument_append, audience, "an aud of the answers, at most 16 times",
        .repeated = true),
    ROW("token_type_hint", read_printable, hint, "access_token, another hint, or none"),
    ROW("subject_claim", read_printable, subject_claim,
        "the member of the answers that is the subject, such as sub or username"),
    ROW("insecure_http", argument_flag, insecure_http, "yes or no"),
    ROW("cache", read_cache, cache, "a duration from 0s (off) to 5m"),
    ROW("negative_cache", read_negative, negative_cache, "a duration from 0s (off) to 60s"),
    ROW("cache_entries", read_entries, cache_entries, "a number from 1 to 1000000"),
};
#undef ROW

static bool refuse(struct complaint c, const char *what, const char *why)
{
    snprintf(c.text, c.room, "%s%s", what, why);
    return false;
}

struct options *options_new(const struct jeton_argument *arguments, size_t count, char *problem,
                            size_t room)
{
    struct given g = { .hint = "access_token",
                       .subject_claim = "sub",
                       .cache = 10,
                       .negative_cache = 2,
                       .cache_entries = 10000 };
    struct complaint c = { problem, room };
    struct options *o;

    if (!arguments_read(rows, sizeof(rows) / sizeof(rows[0]), &g, arguments, count, problem, room))
        return NULL;
    o = calloc(1, sizeof(*o));
    if (o == NULL) {
        refuse(c, "", "out of memory");
        return NULL;
    }
    o->cache = g.cache;
    o->negative_cache = g.negative_cache;
    o->cache_entries = g.cache_entries;
    if (take_url(o, &g, c) && take_authorization(o, &g, c) && take_ca(o, g.ca, c) &&
        take_texts(o, &g, c))
        return o;
    options_free(o);
    return NULL;
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

static bool read_negative(void *field, struct slice value)
{
    return argument_duration(field, value) && *(int64_t *)field <= NEGATIVE_MAX;
}

static bool read_entries(void *field, struct slice value)
{
    uint64_t *number = field;

    return argument_number(field, value) && *number >= 1 && *number <= ENTRIES_MAX;
}

/* -- url= -------------------------------------------------------------------------------------- */

/* http+unix:///run/oauth.sock:/introspect is a socket up to the first colon, and a path on it. */
static bool take_unix_url(struct options *o, const char *rest, struct complaint c)
{
    static const char host[] = "http://localhost";
    const char *colon = strchr(rest, ':');
    size_t length = colon != NULL ? (size_t)(colon - rest) : 0;

    if (rest[0] != '/' || colon == NULL || colon[1] != '/')
        return refuse(c, "url=: ", "this should be http+unix:///SOCKET:/PATH");
    if (length >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return refuse(c, "url=: ", "the path of the socket is longer than 107 bytes");
    size_t room = sizeof(host) + strlen(colon + 1);
    o->socket = strndup(rest, length);
    o->url = malloc(room);
    if (o->socket == NULL || o->url == NULL)
        return refuse(c, "", "out of memory");
    snprintf(o->url, room, "%s%s", host, colon + 1);
    return true;
}

/* Names that cannot lead off this host. */
static bool is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 ||
           strcmp(host, "localhost") == 0;
}

static const char *parsed_fault(struct options *o, CURLU *u, bool insecure)
{
    char *scheme = NULL, *host = NULL, *fragment = NULL;
    const char *fault = NULL;

    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || host[0] == '\0')
        fault = "it has no host";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        fault = "this should be https://, http:// or http+unix://";
    else if (strcmp(scheme, "http") == 0 && !is_loopback(host) && !insecure)
        fault = "http:// would send tokens in clear over the network: use https://, or say "
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
        fault = code != CURLUE_OK ? curl_url_strerror(code) : parsed_fault(o, u, insecure);
    curl_url_cleanup(u);
    return fault;
}

static bool take_url(struct options *o, const struct given *g, struct complaint c)
{
    static const char prefix[] = "http+unix://";

    for (const char *at = g->url; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return refuse(c, "url=: ", "it has a space or a byte that is not printable ASCII");
    if (strncmp(g->url, prefix, sizeof(prefix) - 1) == 0) {
        if (!take_unix_url(o, g->url + sizeof(prefix) - 1, c))
            return false;
    } else {
        o->url = strdup(g->url);
        if (o->url == NULL)
            return refuse(c, "", "out of memory");
    }
    const char *fault = url_fault(o, g->insecure_http);
    return fault == NULL || refuse(c, "url=: ", fault);
}

/* -- the rest ---------------------------------------------------------------------------------- */

static bool take_authorization(struct options *o, const struct given *g, struct complaint c)
{
    char why[256];

    if ((g->client_id == NULL) != (g->secret_file == NULL))
        return refuse(c, "", "client_id= and secret_file= belong together");
    if (g->client_id != NULL && g->bearer_file != NULL)
        return refuse(c, "", "client_id= and bearer_file= exclude each other");
    if (g->client_id == NULL && g->bearer_file == NULL)
        return true;
    if (g->client_id != NULL)
        o->authorization = client_auth_basic(g->client_id, g->secret_file, why, sizeof(why));
    else
        o->authorization = client_auth_bearer(g->bearer_file, why, sizeof(why));
    return o->authorization != NULL ||
           refuse(c, g->client_id != NULL ? "secret_file=: " : "bearer_file=: ", why);
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

static bool take_ca(struct options *o, const char *path, struct complaint c)
{
    if (path == NULL)
        return true;
    if (strcmp(o->scheme, "https") != 0)
        return refuse(c, "ca=: ", "this goes with an https:// url only");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *fault = load_ca(o, fd);
    if (fault != NULL)
        snprintf(c.text, c.room, "ca=: %.200s: %s", path, fault);
    if (fd >= 0)
        close(fd);
    return fault == NULL;
}

static bool take_texts(struct options *o, const struct given *g, struct complaint c)
{
    bool hints = strcmp(g->hint, "none") != 0;

    if (strlen(g->hint) > OPTIONS_HINT_MAX)
        return refuse(c, "token_type_hint=: ", "this should be at most 64 bytes long");
    o->subject_claim = strdup(g->subject_claim);
    o->hint = hints ? strdup(g->hint) : NULL;
    o->issuer = g->issuer != NULL ? strdup(g->issuer) : NULL;
    if (o->subject_claim == NULL || (hints && o->hint == NULL) ||
        (g->issuer != NULL && o->issuer == NULL))
        return refuse(c, "", "out of memory");
    for (size_t i = 0; i < g->audience.count; i++) {
        o->audience[i] = strdup(g->audience.text[i]);
        if (o->audience[i] == NULL)
            return refuse(c, "", "out of memory");
        o->audiences++;
    }
    return true;
}
