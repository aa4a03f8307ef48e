/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.so: ask an OAuth 2.0 server whether a token is active (RFC 7662).
 *
 *     value ─▶ cache ─▶ single flight ─▶ http ─▶ response ─▶ result ─▶ answer
 *              hit?     in flight?       POST    JSON
 *
 * Failures are errors, never a pass: in particular, a cached result is not used longer because the
 * server cannot be reached. */
#include <jansson.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/verifiers/introspect/curl_memory.h"
#include "daemon/verifiers/introspect/http.h"
#include "daemon/verifiers/introspect/single_flight.h"
#include "daemon/verifiers/introspect/token_syntax.h"

struct introspect {
    struct options *options;
    struct cache *cache;
    struct single_flight_group *flights;
    struct http_pool *pool;
    uint8_t cache_secret[crypto_generichash_KEYBYTES]; /* for the cache's keyed digests */
};

static int introspect_open(void **instance, const struct jeton_argument *arguments, size_t count,
                           char *problem, size_t size);
static int introspect_verify(void *instance, const struct jeton_question *q,
                             struct jeton_answer *a);
static void introspect_close(void *instance);

const struct jeton_verifier jeton_verifier = {
    JETON_VERIFIER_ABI,
    JETON_VERIFIER_MAY_BLOCK | JETON_VERIFIER_NETWORK | JETON_VERIFIER_NO_GROUPS,
    "introspect",
    introspect_open,
    introspect_verify,
    introspect_close,
};

static bool initialized; /* the libraries, once in a process */

static void initialize(void)
{
    json_object_seed(0);
    initialized = sodium_init() >= 0 && curl_memory_init();
}

static int introspect_open(void **instance, const struct jeton_argument *arguments, size_t count,
                           char *problem, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct introspect *in;

    pthread_once(&once, initialize);
    if (!initialized) {
        snprintf(problem, size, "libsodium or libcurl does not start");
        return -1;
    }
    in = calloc(1, sizeof(*in));
    if (in == NULL) {
        snprintf(problem, size, "out of memory");
        return -1;
    }
    in->options = options_new(arguments, count, problem, size);
    if (in->options != NULL) {
        randombytes_buf(in->cache_secret, sizeof(in->cache_secret));
        in->cache = cache_new(in->options->cache_entries);
        in->flights = single_flight_new();
        in->pool = http_pool_new(in->options);
        if (in->cache != NULL && in->flights != NULL && in->pool != NULL) {
            *instance = in;
            return 0;
        }
        snprintf(problem, size, "out of memory");
    }
    introspect_close(in);
    return -1;
}

static void introspect_close(void *instance)
{
    struct introspect *in = instance;

    http_pool_free(in->pool);
    single_flight_free(in->flights);
    cache_free(in->cache);
    options_free(in->options);
    sodium_memzero(in, sizeof(*in));
    free(in);
}

static void request_introspection(struct introspect *in, const struct jeton_question *q,
                                  struct result *r)
{
    struct slice value = { q->value, q->value_length }, body;
    struct http_client *client = http_pool_get(in->pool);

    if (client == NULL)
        result_error(r, "out of memory");
    else if (http_post(client, in->options->hint, value, q->deadline, &body, r))
        response_evaluate(body, in->options, value, q->now, r);
    http_pool_put(in->pool, client);
}

static void request_and_cache(struct introspect *in, const uint8_t key[CACHE_KEY],
                              struct cache_time at, const struct jeton_question *q,
                              struct result *r)
{
    request_introspection(in, q, r);
    cache_put(in->cache, key, at,
              r->outcome == JETON_VERIFIER_PASS ? in->options->cache : in->options->negative_cache,
              r);
}

/* Look a value up in the cache; else ask the server, or wait for the thread that asks it. */
static void look_up_or_request(struct introspect *in, const uint8_t key[CACHE_KEY],
                               const struct jeton_question *q, struct result *r)
{
    struct single_flight flight;
    enum single_flight_role role;

    for (;;) {
        struct cache_time at = { q->now, monotonic_now() };
        if (cache_get(in->cache, key, at, r))
            return;
        role = single_flight_join(in->flights, &flight, key, q->deadline, r);
        if (role != SINGLE_FLIGHT_SHARED)
            break;
        if (!r->timed_out && result_is_valid(r, q->now))
            return; /* else the leader's deadline passed or its clock differs: look again */
    }
    if (role == SINGLE_FLIGHT_TIMEOUT) {
        result_error(r, "the server did not answer in time");
        return;
    }
    /* A flight that finished after the look-up above has cached its result. */
    struct cache_time at = { q->now, monotonic_now() };
    if (!cache_get(in->cache, key, at, r))
        request_and_cache(in, key, at, q, r);
    single_flight_finish(in->flights, &flight, r);
}

static int introspect_verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    struct introspect *in = instance;
    struct slice value = { q->value, q->value_length };
    uint8_t key[CACHE_KEY];
    struct result r;

    if (!token_syntax_is_valid(value, HTTP_VALUE_MAX))
        return JETON_VERIFIER_IGNORE;
    crypto_generichash(key, sizeof(key), (const unsigned char *)value.at, value.len,
                       in->cache_secret, sizeof(in->cache_secret));
    if (in->options->cache > 0) {
        look_up_or_request(in, key, q, &r);
    } else { /* cache=0s: no question may get the result of another, so share no flights */
        struct cache_time at = { q->now, monotonic_now() };
        if (!cache_get(in->cache, key, at, &r))
            request_and_cache(in, key, at, q, &r);
    }
    return result_answer(&r, q, a);
}
