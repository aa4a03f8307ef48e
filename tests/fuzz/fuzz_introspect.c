/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier that asks an OAuth server: what that server says, as JSON or as HTTP.
 *
 *     input = what it is and which options; when it is judged, and when again; then the bytes: of a
 *             body; of all that the server sends; of a body that is sent a number of times */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/verifiers/introspect/http.h"
#include "proto/scopes.h"

#define NOW INT64_C(1800000000)
#define VALUE "a value that is asked about: 0123456789abcdef"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

enum { SENT_MAX = 160 * 1024, OPTIONS = 8, ID_SECRET = 16 };

static const int64_t spans[] = { 0, 1, -1, 59, 60, 61, -100000, 100000 };
static const struct slice value = SLICE(VALUE);
static struct options *options[OPTIONS];
static const struct jeton_identity earlier = {
    .expires = NOW + 60,
    .id = "earlier",
    .subject = "ann",
    .scopes = "a,b",
};

/* -- the server: one end of a pair of sockets, in which all that it says lies already ---------- */

static struct {
    int ours, theirs; /* or -1 */
} pair = { -1, -1 };

int socket(int domain, int type, int protocol)
{
    (void)domain, (void)type, (void)protocol;
    int fd = pair.theirs;

    pair.theirs = -1;
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
    int end[2], room = 2 * SENT_MAX;

    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end) == 0);
    pair.ours = end[0];
    pair.theirs = end[1];
    setsockopt(pair.ours, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    MUST(send(pair.ours, bytes, len, MSG_DONTWAIT) == (ssize_t)len || len == 0);
    MUST(shutdown(pair.ours, SHUT_WR) == 0);
}

static void server_end(void)
{
    close(pair.ours);
    MUST(pair.theirs < 0); /* it was asked */
}

/* -- once -------------------------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char problem[200];

    (void)argc;
    (void)argv;
    json_object_seed(1);
    MUST(sodium_init() >= 0 && http_global_init());
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

/* -- what must hold ---------------------------------------------------------------------------- */

static bool holds_secret(const char *text)
{
    return strstr(text, VALUE) != NULL ||
           (strlen(text) >= ID_SECRET && memmem(value.at, value.len, text, strlen(text)) != NULL);
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

/* What an answer must say so that the value passes, as jansson reads it. */
static bool may_pass(struct slice body, const struct options *o, int64_t now)
{
    json_t *read = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *issuer = json_string_value(json_object_get(read, "iss"));
    const json_t *ends = json_object_get(read, "exp"), *begins = json_object_get(read, "nbf");
    bool may = json_is_true(json_object_get(read, "active")) &&
               (o->issuer == NULL || (issuer != NULL && strcmp(issuer, o->issuer) == 0)) &&
               (ends == NULL || (json_is_integer(ends) && json_integer_value(ends) > now)) &&
               (begins == NULL || (json_is_integer(begins) && json_integer_value(begins) <= now)) &&
               is_audience(json_object_get(read, "aud"), o);

    json_decref(read);
    return may;
}

static void check_identity(const struct jeton_identity *who, int64_t now)
{
    const char *const texts[] = { who->subject, who->issuer, who->scopes, who->id };

    MUST(strlen(who->subject) <= SUBJECT_MAX && strlen(who->issuer) <= SUBJECT_MAX);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        MUST(utf8_valid(slice_of(texts[i])));
        for (const char *c = texts[i]; *c != '\0'; c++)
            MUST((unsigned char)*c >= ' ' && *c != 0x7f);
    }
    MUST(who->scopes[0] == '\0' || scopes_fault(slice_of(who->scopes)) == NULL);
    MUST(who->expires > now && !holds_secret(who->id));
}

/* Behind an earlier verifier's identity: no more than that one had. */
static void check_narrowed(const struct jeton_identity *who)
{
    MUST(strcmp(who->subject, earlier.subject) == 0 && strcmp(who->id, earlier.id) == 0);
    MUST(who->expires <= earlier.expires);
    MUST(scopes_include(slice_of(earlier.scopes), slice_of(who->scopes)));
}

static void check_answer(const struct result *r, const struct jeton_identity *had, int64_t now)
{
    struct jeton_question q = { .identity = had, .now = now };
    struct jeton_answer a = { .identity.expires = JETON_VERIFIER_NEVER };
    int outcome = result_answer(r, &q, &a);

    MUST(memchr(a.message, '\0', sizeof(a.message)) != NULL && !holds_secret(a.message));
    MUST((outcome == JETON_VERIFIER_PASS) == (a.has_identity == 1));
    MUST(outcome == (int)r->outcome || (had != NULL && a.reason == JETON_REASON_SUBJECT));
    MUST(outcome != JETON_VERIFIER_ERROR || a.message[0] != '\0');
    MUST(a.retry_after >= 0);
    if (outcome == JETON_VERIFIER_PASS && had == NULL)
        check_identity(&a.identity, now);
    else if (outcome == JETON_VERIFIER_PASS)
        check_narrowed(&a.identity);
}

/* What is kept may be said again for as long as it stands. */
static void try_body(struct slice body, const struct options *o, int64_t now, int64_t later)
{
    struct result r, then;

    response_evaluate(body, o, value, now, &r);
    MUST(r.outcome != JETON_VERIFIER_PASS || may_pass(body, o, now));
    MUST(result_is_valid(&r, now));
    check_answer(&r, NULL, now);
    check_answer(&r, &earlier, now);
    response_evaluate(body, o, value, later, &then);
    MUST(then.outcome == r.outcome || !result_is_valid(&r, later));
}

/* -- over HTTP --------------------------------------------------------------------------------- */

static bool says(struct slice sent, const char *words)
{
    for (size_t len = strlen(words); sent.len >= len; sent.at++, sent.len--)
        if (strncasecmp(sent.at, words, len) == 0)
            return true;
    return false;
}

static void try_http(struct slice sent, const struct options *o, int64_t now, int64_t later)
{
    struct http_pool *pool = http_pool_new(o);
    struct http_client *client = http_pool_get(pool);
    struct result r = { .outcome = JETON_VERIFIER_PASS };
    struct slice body;

    MUST(client != NULL);
    server_begin(sent.at, sent.len);
    if (http_post(client, NULL, value, monotonic_now() + INT64_C(5000000000), &body, &r)) {
        MUST(says(sent, "http/") && says(sent, " 200") && says(sent, "application/json"));
        MUST(body.len <= RESPONSE_MAX);
        MUST(memmem(sent.at, sent.len, body.at, body.len) != NULL || says(sent, "chunked"));
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
    static char sent[SENT_MAX];
    struct text all = text_in(sent, sizeof(sent));

    text_adds(&all, HEAD);
    for (unsigned i = 0; i < times && bytes.len < sizeof(sent) - all.len; i++)
        text_add(&all, bytes.at, bytes.len);
    try_http(text_slice(&all), o, NOW, NOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct feed feed = { input, len };
    unsigned what = feed_byte(&feed), times = feed_byte(&feed);
    const struct options *o = options[what >> 4 & (OPTIONS - 1)];
    int64_t now = NOW + spans[times & 7], later = NOW + spans[times >> 3 & 7];
    char *copy = fuzz_copy((struct slice){ (const char *)feed.at, feed.left });
    struct slice bytes = { copy, feed.left };

    if ((what & 3) == 0)
        try_body(bytes, o, now, later);
    else if ((what & 3) < 3)
        try_http(bytes, o, now, later);
    else
        try_long(bytes, feed.left > 0 ? times << 8 | feed.at[0] : 0, o);
    free(copy);
    return 0;
}
