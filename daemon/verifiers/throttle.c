/* SPDX-License-Identifier: Apache-2.0 */
/* Keep a token bucket for each user whose verifications failed lately, in a hash table of fixed
 * size.  A bucket stores only when it will be full again; a user without one has a full bucket.  A
 * new user takes the bucket that is full soonest. */
#include "daemon/verifiers/throttle.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/journald.h"
#include "daemon/verifiers/arguments.h"

enum { BUCKETS = 1024, PROBES = 8 }; /* a user's bucket is one of so many, from its hash on */

#define SECOND INT64_C(1000000000)

struct bucket {
    uid_t uid;
    int64_t full_at; /* CLOCK_MONOTONIC, nanoseconds; in the past: unused */
};

struct throttle {
    uint64_t failures;
    int64_t per;           /* seconds */
    int64_t cost;          /* nanoseconds in which one failure is forgiven */
    pthread_mutex_t mutex; /* guards the buckets */
    struct bucket bucket[BUCKETS];
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

static const struct argument_row rows[] = {
    { "failures", read_failures, offsetof(struct throttle, failures), "a number from 1 to 1000000",
      false, false },
    { "per", read_per, offsetof(struct throttle, per), "a duration from 1s to 1d", false, false },
};

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
    if (!arguments_read(rows, sizeof(rows) / sizeof(rows[0]), t, arguments, count, problem, size)) {
        free(t);
        return -1;
    }
    t->cost = t->per * SECOND / (int64_t)t->failures;
    pthread_mutex_init(&t->mutex, NULL);
    *instance = t;
    return 0;
}

static void throttle_close(void *instance)
{
    struct throttle *t = instance;

    pthread_mutex_destroy(&t->mutex);
    free(t);
}

/* Return the user's bucket, or the one to take if there is none. */
static struct bucket *bucket_of(struct throttle *t, uid_t uid)
{
    size_t hash = (uid * UINT32_C(2654435761)) >> 16;
    struct bucket *best = &t->bucket[hash % BUCKETS];

    for (size_t i = 0; i < PROBES; i++) {
        struct bucket *b = &t->bucket[(hash + i) % BUCKETS];
        if (b->uid == uid && b->full_at != 0)
            return b;
        if (b->full_at < best->full_at)
            best = b;
    }
    return best;
}

/* True if the bucket is the user's and not full. */
static bool owes(const struct bucket *b, uid_t uid, int64_t now)
{
    return b->uid == uid && b->full_at > now;
}

void throttle_failed(void *instance, uid_t uid)
{
    struct throttle *t = instance;
    int64_t now = clock_coarse();

    pthread_mutex_lock(&t->mutex);
    struct bucket *b = bucket_of(t, uid);
    if (!owes(b, uid, now))
        *b = (struct bucket){ .uid = uid, .full_at = now };
    b->full_at += t->cost;
    if (b->full_at > now + t->per * SECOND)
        b->full_at = now + t->per * SECOND;
    pthread_mutex_unlock(&t->mutex);
}

/* Deny if one more failure would overdraw the bucket. */
static int throttle_verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    struct throttle *t = instance;
    int64_t now = clock_coarse(), wait = 0;

    pthread_mutex_lock(&t->mutex);
    const struct bucket *b = bucket_of(t, q->peer_uid);
    if (owes(b, q->peer_uid, now))
        wait = b->full_at + t->cost - (now + t->per * SECOND);
    pthread_mutex_unlock(&t->mutex);
    if (wait <= 0)
        return JETON_VERIFIER_PASS;
    journald_report(&(struct journald_entry){ .kind = JOURNALD_THROTTLED, .uid = q->peer_uid },
                    "throttle: verifications by uid %u are refused for %lld s: too many failed",
                    (unsigned)q->peer_uid, (long long)((wait + SECOND - 1) / SECOND));
    a->reason = JETON_REASON_DENIED;
    a->retry_after = (wait + SECOND - 1) / SECOND;
    snprintf(a->message, sizeof(a->message), "too many failed verifications by this user");
    return JETON_VERIFIER_FAIL;
}

const struct jeton_verifier throttle_verifier = {
    .abi = JETON_VERIFIER_ABI,
    .name = "throttle",
    .open = throttle_open,
    .verify = throttle_verify,
    .close = throttle_close,
};
