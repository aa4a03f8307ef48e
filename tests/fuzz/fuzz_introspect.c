/* SPDX-License-Identifier: Apache-2.0 */
/* Verify with what an OAuth server responds, as a body or as HTTP.
 *
 *     input = kind and options; the time of the question, and of a later one; then the bytes: of a
 *             body; of an HTTP response; of a body that is repeated */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/verifiers/introspect/curl_memory.h"
#include "daemon/verifiers/introspect/http.h"
#include "proto/scopes.h"

#define NOW INT64_C(1800000000)
#define VALUE "a-value-that-is-asked-about:-0123456789abcdef"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

enum { RESPONSE_BYTES_MAX = 160 * 1024, OPTIONS = 8, DISCLOSED_MIN = 16 };

static const int64_t offsets[] = { 0, 1, -1, 59, 60, 61, -100000, 100000 };
static const struct slice value = SLICE(VALUE);
static struct options *options[OPTIONS];
static const struct jeton_identity earlier = {
    .expires = NOW + 60,
    .id = "earlier",
    .subject = "ann",
    .scopes = "a,b",
};

/* -- the server: one end of a socket pair, which holds the whole response ---------------------- */

static struct {
    int server, client; /* -1: none */
} pair = { -1, -1 };

int socket(int domain, int type, int protocol)
{
    (void)domain, (void)type, (void)protocol;
    int fd = pair.client;

    pair.client = -1;
    errno = EMFILE;
    return fd;
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    (void)fd, (void)address, (void)len;
    return 0;
}

static void server_begin(const char *bytes, size_t len)
{
    int end[2], buffer = 2 * RESPONSE_BYTES_MAX;

    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end) == 0);
    pair.server = end[0];
    pair.client = end[1];
    setsockopt(pair.server, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    MUST(send(pair.server, bytes, len, MSG_DONTWAIT) == (ssize_t)len || len == 0);
    MUST(shutdown(pair.server, SHUT_WR) == 0);
}

static void server_end(void)
{
    close(pair.server);
    MUST(pair.client < 0); /* the client has connected */
}

/* -- setup ------------------------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char problem[200];

    (void)argc;
    (void)argv;
    json_object_seed(1);
    MUST(sodium_init() >= 0 && curl_memory_init());
    for (unsigned i = 0; i < OPTIONS; i++) {
        struct jeton_argument argument[4] = { { "url", "http+unix:///server:/introspect" } };
        size_t count = 1;
        if (i & 1)
            argument[count++] = (struct jeton_argument){ "issuer", "joe" };
        if (i & 2)
            argument[count++] = (struct jeton_argument){ "subject_claim", "username" };
        if (i & 4)
            argument[count++] = (struct jeton_argument){ "audience", "api" };
        options[i] = options_new(argument, count, problem, sizeof(problem));
        MUST(options[i] != NULL);
    }
    return 0;
}

/* -- properties -------------------------------------------------------------------------------- */

static bool discloses_value(const char *text)
{
    return strstr(text, VALUE) != NULL || (strlen(text) >= DISCLOSED_MIN &&
                                           memmem(value.at, value.len, text, strlen(text)) != NULL);
}

static bool is_audience(const json_t *aud, const struct options *o)
{
    const char *text = json_string_value(aud);

    for (size_t i = 0; text != NULL && i < o->audiences; i++)
        if (strcmp(text, o->audience[i]) == 0)
            return true;
    for (size_t i = 0; i < json_array_size(aud); i++)
        if (is_audience(json_array_get(aud, i), o))
            return true;
    return o->audiences == 0;
}

/* True if the value may pass, judging by the response as jansson reads it. */
static bool is_acceptable(struct slice body, const struct options *o, int64_t now)
{
    json_t *read = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *issuer = json_string_value(json_object_get(read, "iss"));
    const json_t *ends = json_object_get(read, "exp"), *begins = json_object_get(read, "nbf");
    bool acceptable = json_is_true(json_object_get(read, "active")) &&
                      (o->issuer == NULL || (issuer != NULL && strcmp(issuer, o->issuer) == 0)) &&
                      (ends == NULL || (json_is_integer(ends) && json_integer_value(ends) > now)) &&
                      (begins == NULL ||
                       (json_is_integer(begins) && json_integer_value(begins) <= now)) &&
                      is_audience(json_object_get(read, "aud"), o);

    json_decref(read);
    return acceptable;
}

static void check_identity(const struct jeton_identity *identity, int64_t now)
{
    const char *const texts[] = { identity->subject, identity->issuer, identity->scopes,
                                  identity->id };

    MUST(strlen(identity->subject) <= SUBJECT_MAX && strlen(identity->issuer) <= SUBJECT_MAX);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        MUST(utf8_valid(slice_of(texts[i])));
        for (const char *c = texts[i]; *c != '\0'; c++)
            MUST((unsigned char)*c >= ' ' && *c != 0x7f);
    }
    MUST(identity->scopes[0] == '\0' || scopes_fault(slice_of(identity->scopes)) == NULL);
    MUST(identity->expires > now && !discloses_value(identity->id));
}

/* Check that the identity is no more than the earlier one, and named by it or by the response. */
static void check_narrowed(const struct jeton_identity *identity,
                           const struct jeton_identity *found)
{
    const struct jeton_identity *named = found->id[0] != '\0' ? found : &earlier;

    MUST(strcmp(identity->subject, earlier.subject) == 0 && strcmp(identity->id, named->id) == 0);
    MUST(identity->expires <= earlier.expires);
    MUST(scopes_include(slice_of(earlier.scopes), slice_of(identity->scopes)));
}

static void check_answer(const struct result *r, const struct jeton_identity *known, int64_t now)
{
    struct jeton_question q = { .identity = known, .now = now };
    struct jeton_answer a = { .identity.expires = JETON_VERIFIER_NEVER };
    int outcome = result_answer(r, &q, &a);

    MUST(memchr(a.message, '\0', sizeof(a.message)) != NULL && !discloses_value(a.message));
    MUST((outcome == JETON_VERIFIER_PASS) == (a.has_identity == 1));
    MUST(outcome == (int)r->outcome || (known != NULL && a.reason == JETON_REASON_SUBJECT));
    MUST(outcome != JETON_VERIFIER_ERROR || a.message[0] != '\0');
    MUST(a.retry_after >= 0);
    if (outcome == JETON_VERIFIER_PASS && known == NULL)
        check_identity(&a.identity, now);
    else if (outcome == JETON_VERIFIER_PASS)
        check_narrowed(&a.identity, &r->identity);
}

/* Check the result, and that it is the same later as long as it is valid. */
static void try_body(struct slice body, const struct options *o, int64_t now, int64_t later)
{
    struct result r, second;

    response_evaluate(body, o, value, now, &r);
    MUST(r.outcome != JETON_VERIFIER_PASS || is_acceptable(body, o, now));
    MUST(result_is_valid(&r, now));
    check_answer(&r, NULL, now);
    check_answer(&r, &earlier, now);
    response_evaluate(body, o, value, later, &second);
    MUST(second.outcome == r.outcome || !result_is_valid(&r, later));
}

/* -- over HTTP --------------------------------------------------------------------------------- */

static bool contains(struct slice response, const char *words)
{
    for (size_t len = strlen(words); response.len >= len; response.at++, response.len--)
        if (strncasecmp(response.at, words, len) == 0)
            return true;
    return false;
}

static void try_http(struct slice response, const struct options *o, int64_t now, int64_t later)
{
    struct http_pool *pool = http_pool_new(o);
    struct http_client *client = http_pool_get(pool);
    struct result r = { .outcome = JETON_VERIFIER_PASS };
    struct slice body;

    MUST(client != NULL);
    server_begin(response.at, response.len);
    if (http_post(client, NULL, value, monotonic_now() + INT64_C(5000000000), &body, &r)) {
        MUST(contains(response, "http/") && contains(response, " 200") &&
             contains(response, "application/json"));
        MUST(body.len <= RESPONSE_MAX);
        MUST(memmem(response.at, response.len, body.at, body.len) != NULL ||
             contains(response, "chunked"));
        try_body(body, o, now, later);
    } else {
        MUST(r.outcome == JETON_VERIFIER_ERROR && r.log_message[0] != '\0');
        check_answer(&r, NULL, now);
    }
    http_pool_put(pool, client);
    http_pool_free(pool);
    server_end();
}

static void try_long(struct slice bytes, unsigned times, const struct options *o)
{
    static char response[RESPONSE_BYTES_MAX];
    struct text all = text_in(response, sizeof(response));

    text_adds(&all, HEAD);
    for (unsigned i = 0; i < times && bytes.len < sizeof(response) - all.len; i++)
        text_add(&all, bytes.at, bytes.len);
    try_http(text_slice(&all), o, NOW, NOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct fuzz_input in = { input, len };
    unsigned kind = consume_byte(&in), times = consume_byte(&in);
    const struct options *o = options[kind >> 4 & (OPTIONS - 1)];
    int64_t now = NOW + offsets[times & 7], later = NOW + offsets[times >> 3 & 7];
    char *copy = fuzz_copy((struct slice){ (const char *)in.at, in.left });
    struct slice bytes = { copy, in.left };

    if ((kind & 3) == 0)
        try_body(bytes, o, now, later);
    else if ((kind & 3) < 3)
        try_http(bytes, o, now, later);
    else
        try_long(bytes, in.left > 0 ? times << 8 | in.at[0] : 0, o);
    free(copy);
    return 0;
}
