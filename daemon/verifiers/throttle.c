/* SPDX-License-Identifier: Apache-2.0 */
/* Keep a token bucket for each user, or each client of a user, whose verifications failed lately, in
 * a hash table of fixed size.  A bucket stores only when it will be full again; who has none has a
 * full one.  A new user takes the bucket that is full soonest.
 *
 * A client's name is chosen by who sends it: it is kept as a keyed hash, so that nobody can aim at
 * the bucket of another. */
#include "daemon/verifiers/throttle.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/journald.h"
#include "daemon/verifiers/arguments.h"

enum {
    BUCKETS_BY_UID = 1024,
    BUCKETS_BY_CLIENT = 16384,
    PROBES = 8, /* a user's bucket is one of so many, from its hash on */
};

#define SECOND INT64_C(1000000000)

/* Whose failures are counted together. */
struct account {
    uid_t uid;
    uint64_t client; /* hash of its name; 0: all clients of the user */
};

struct bucket {
    struct account account;
    int64_t full_at; /* CLOCK_MONOTONIC, nanoseconds; in the past: unused */
};

struct throttle {
    uint64_t failures;
    bool by_client;
    uint8_t key[crypto_shorthash_KEYBYTES];
    int64_t per;           /* seconds */
    int64_t cost;          /* nanoseconds in which one failure is forgiven */
    pthread_mutex_t mutex; /* guards the buckets */
    size_t buckets;
    struct bucket *bucket;
};

static bool read_failures(void *field, struct slice value)
{
    return argument_number(field, value) && *(uint64_t *)field >= 1 &&
           *(uint64_t *)field <= 1000000;
}

static bool read_per(void *field, struct slice value)
{
    return argument_duration(field, value) && *(int64_t *)field >= 1 && *(int64_t *)field <= 86400;
}

static bool read_by(void *field, struct slice value)
{
    *(bool *)field = slice_is(value, "client");
    return slice_is(value, "client") || slice_is(value, "uid");
}

static const struct argument_row rows[] = {
    { "failures", read_failures, offsetof(struct throttle, failures), "a number from 1 to 1000000",
      false, false },
    { "per", read_per, offsetof(struct throttle, per), "a duration from 1s to 1d", false, false },
    { "by", read_by, offsetof(struct throttle, by_client), "uid or client", false, false },
};

static bool make_buckets(struct throttle *t)
{
    t->buckets = t->by_client ? BUCKETS_BY_CLIENT : BUCKETS_BY_UID;
    t->bucket = calloc(t->buckets, sizeof(*t->bucket));
    return t->bucket != NULL;
}

static int throttle_open(void **instance, const struct jeton_argument *arguments, size_t count,
                         char *problem, size_t size)
{
    struct throttle *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        snprintf(problem, size, "no memory");
        return -1;
    }
    t->failures = 20;
    t->per = 60;
    bool ok = arguments_read(rows, sizeof(rows) / sizeof(rows[0]), t, arguments, count, problem,
                             size);
    if (ok && !make_buckets(t)) {
        snprintf(problem, size, "no memory");
        ok = false;
    }
    if (!ok) {
        free(t);
        return -1;
    }
    crypto_shorthash_keygen(t->key);
    t->cost = t->per * SECOND / (int64_t)t->failures;
    pthread_mutex_init(&t->mutex, NULL);
    *instance = t;
    return 0;
}

static void throttle_close(void *instance)
{
    struct throttle *t = instance;

    pthread_mutex_destroy(&t->mutex);
    free(t->bucket);
    free(t);
}

static struct account account_of(const struct throttle *t, uid_t uid, const char *client)
{
    struct account a = { .uid = uid };

    if (!t->by_client || client == NULL)
        return a;
    crypto_shorthash((unsigned char *)&a.client, (const unsigned char *)client, strlen(client),
                     t->key);
    a.client |= 1; /* never that of all clients */
    return a;
}

static bool is_of(const struct bucket *b, struct account a)
{
    return b->account.uid == a.uid && b->account.client == a.client;
}

/* Return the account's bucket, or the one to take if there is none. */
static struct bucket *bucket_of(struct throttle *t, struct account a)
{
    size_t hash = ((a.uid * UINT32_C(2654435761)) >> 16) + (size_t)(a.client >> 1);
    struct bucket *best = &t->bucket[hash % t->buckets];

    for (size_t i = 0; i < PROBES; i++) {
        struct bucket *b = &t->bucket[(hash + i) % t->buckets];
        if (is_of(b, a) && b->full_at != 0)
            return b;
        if (b->full_at < best->full_at)
            best = b;
    }
    return best;
}

/* True if the bucket is the account's and not full. */
static bool owes(const struct bucket *b, struct account a, int64_t now)
{
    return is_of(b, a) && b->full_at > now;
}

void throttle_failed(void *instance, uid_t uid, const char *client)
{
    struct throttle *t = instance;
    struct account a = account_of(t, uid, client);
    int64_t now = clock_coarse();

    pthread_mutex_lock(&t->mutex);
    struct bucket *b = bucket_of(t, a);
    if (!owes(b, a, now))
        *b = (struct bucket){ .account = a, .full_at = now };
    b->full_at += t->cost;
    if (b->full_at > now + t->per * SECOND)
        b->full_at = now + t->per * SECOND;
    pthread_mutex_unlock(&t->mutex);
}

/* Fill in the answer for who must wait so many seconds. */
static int deny(const struct throttle *t, const struct jeton_question *q, int64_t seconds,
                struct jeton_answer *a)
{
    bool by_client = t->by_client && q->client != NULL;

    journald_report(&(struct journald_entry){ .kind = JOURNALD_THROTTLED, .uid = q->peer_uid },
                    "throttle: verifications by uid %u%s%.256s are refused for %lld s: too many "
                    "failed",
                    (unsigned)q->peer_uid, by_client ? " for the client " : "",
                    by_client ? q->client : "", (long long)seconds);
    a->reason = JETON_REASON_DENIED;
    a->retry_after = seconds;
    snprintf(a->message, sizeof(a->message), "too many failed verifications %s",
             by_client ? "for this client" : "by this user");
    return JETON_VERIFIER_FAIL;
}

/* Deny if one more failure would overdraw the bucket. */
static int throttle_verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    struct throttle *t = instance;
    const struct account account = account_of(t, q->peer_uid, q->client);
    int64_t now = clock_coarse(), wait = 0;

    pthread_mutex_lock(&t->mutex);
    const struct bucket *b = bucket_of(t, account);
    if (owes(b, account, now))
        wait = b->full_at + t->cost - (now + t->per * SECOND);
    pthread_mutex_unlock(&t->mutex);
    return wait <= 0 ? JETON_VERIFIER_PASS : deny(t, q, (wait + SECOND - 1) / SECOND, a);
}

const struct jeton_verifier throttle_verifier = {
    .abi = JETON_VERIFIER_ABI,
    .flags = JETON_VERIFIER_NO_GROUPS,
    .name = "throttle",
    .open = throttle_open,
    .verify = throttle_verify,
    .close = throttle_close,
};
