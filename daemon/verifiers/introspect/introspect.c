/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: an OAuth 2.0 server judges the value (RFC 7662, token introspection).
 *
 *     value ─▶ cache ─▶ flight ─▶ call ─▶ answer ─▶ judgement ─▶ verdict
 *              fresh?   another    HTTP    JSON
 *                       asks?
 *
 * Whatever cannot be found out is an error, never a pass: in particular nothing that the server said
 * is used beyond its time because the server cannot be reached. */
#include <jansson.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/verifiers/introspect/http.h"
#include "daemon/verifiers/introspect/single_flight.h"

struct introspect {
    struct options *options;
    struct cache *cache;
    struct flights *flights;
    struct http_pool *calls;
    uint8_t secret[crypto_generichash_KEYBYTES]; /* of the cache's keys */
};

static int introspect_open(void **instance, const struct jeton_argument *arguments, size_t count,
                           char *problem, size_t room);
static int introspect_verify(void *instance, const struct jeton_question *q,
                             struct jeton_answer *a);
static void introspect_close(void *instance);

const struct jeton_verifier jeton_verifier = {
    JETON_VERIFIER_ABI, JETON_VERIFIER_MAY_BLOCK, "introspect",
    introspect_open,    introspect_verify,        introspect_close,
};

static bool prepared; /* what the process has one of */

static void prepare(void)
{
    json_object_seed(0);
    prepared = sodium_init() >= 0 && http_pool_prepare();
}

static int introspect_open(void **instance, const struct jeton_argument *arguments, size_t count,
                           char *problem, size_t room)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct introspect *in;

    pthread_once(&once, prepare);
    if (!prepared) {
        snprintf(problem, room, "libsodium or libcurl does not start");
        return -1;
    }
    in = calloc(1, sizeof(*in));
    if (in == NULL) {
        snprintf(problem, room, "out of memory");
        return -1;
    }
    in->options = options_new(arguments, count, problem, room);
    if (in->options != NULL) {
        randombytes_buf(in->secret, sizeof(in->secret));
        in->cache = cache_new(in->options->cache_entries);
        in->flights = single_flight_new();
        in->calls = http_pool_new(in->options);
        if (in->cache != NULL && in->flights != NULL && in->calls != NULL) {
            *instance = in;
            return 0;
        }
        snprintf(problem, room, "out of memory");
    }
    introspect_close(in);
    return -1;
}

static void introspect_close(void *instance)
{
    struct introspect *in = instance;

    http_pool_free(in->calls);
    single_flight_free(in->flights);
    cache_free(in->cache);
    options_free(in->options);
    sodium_memzero(in, sizeof(*in));
    free(in);
}

/* RFC 6749, appendix A.12: 1*VSCHAR. */
static bool may_be_token(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < ' ' || value.at[i] > '~')
            return false;
    return value.len > 0 && value.len <= HTTP_VALUE_MAX;
}

static void ask_server(struct introspect *in, const struct jeton_question *q, struct result *j)
{
    struct slice value = { q->value, q->value_length }, body;
    struct http_call *call = http_pool_take(in->calls);

    if (call == NULL)
        result_error(j, "out of memory");
    else if (http_ask(call, in->options->hint, value, q->deadline, &body, j))
        response_judge(body, in->options, value, q->now, j);
    http_pool_give(in->calls, call);
}

static void ask_and_keep(struct introspect *in, const uint8_t key[CACHE_KEY], struct moment at,
                         const struct jeton_question *q, struct result *j)
{
    ask_server(in, q, j);
    cache_put(in->cache, key, at,
              j->outcome == JETON_VERIFIER_PASS ? in->options->cache : in->options->negative_cache,
              j);
}

/* As the first to ask about this value now, or with the answer that the first one gets. */
static void find_out(struct introspect *in, const uint8_t key[CACHE_KEY],
                     const struct jeton_question *q, struct result *j)
{
    struct flight flight;
    enum single_flight_role role;

    for (;;) {
        struct moment at = { q->now, monotonic_now() };
        if (cache_get(in->cache, key, at, j))
            return;
        role = single_flight_join(in->flights, &flight, key, q->deadline, j);
        if (role != SINGLE_FLIGHT_SHARED)
            break;
        if (!j->late && result_holds(j, q->now))
            return; /* else that one's time was up, or its clock another: not this one's */
    }
    if (role == SINGLE_FLIGHT_TIMEOUT) {
        result_error(j, "the server did not answer in time");
        return;
    }
    /* One that landed between the two looks has left its answer in the cache. */
    struct moment at = { q->now, monotonic_now() };
    if (!cache_get(in->cache, key, at, j))
        ask_and_keep(in, key, at, q, j);
    single_flight_finish(in->flights, &flight, j);
}

static int introspect_verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    struct introspect *in = instance;
    struct slice value = { q->value, q->value_length };
    uint8_t key[CACHE_KEY];
    struct result j;

    if (!may_be_token(value))
        return JETON_VERIFIER_IGNORE;
    crypto_generichash(key, sizeof(key), (const unsigned char *)value.at, value.len, in->secret,
                       sizeof(in->secret));
    if (in->options->cache > 0) {
        find_out(in, key, q, &j);
    } else { /* nobody is to get what was said to another: nor by waiting with him */
        struct moment at = { q->now, monotonic_now() };
        if (!cache_get(in->cache, key, at, &j))
            ask_and_keep(in, key, at, q, &j);
    }
    return result_answer(&j, q, a);
}
