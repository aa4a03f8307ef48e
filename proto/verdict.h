/* SPDX-License-Identifier: Apache-2.0 */
/* Judge a presented value by a table.  The daemon and the client library both call this, so they
 * cannot disagree.  No state; any thread.
 *
 * Judging has two halves so that a caller with many questions can hash them all, prefetch their
 * slots, and only then compare:
 *
 *     if (verdict_worth_hashing(&question, &verdict)) {
 *         token_digest(question.value, verdict.digest);  table_prefetch(table, verdict.digest);
 *         ... verdict_judge(table, &question, now, &verdict) ...
 *     }
 */
#ifndef JETON_PROTO_VERDICT_H
#define JETON_PROTO_VERDICT_H

#include "proto/scopes.h"
#include "proto/status.h"
#include "proto/table.h"

struct question {
    struct slice value;
    struct slice scopes;  /* words that the token must have; empty: none */
    struct slice subject; /* at == NULL: any subject; empty: no token's */
};

struct verdict {
    enum status status; /* STATUS_OK, or a NO reason; STATUS_UNAVAILABLE: see below */
    uint8_t digest[DIGEST_SIZE];
    bool found; /* there is such a token, and the members below are set */
    uint32_t slot;
    int64_t activates;   /* TIME_ALWAYS: no activation time */
    int64_t expires;     /* TIME_NEVER: no expiry */
    struct slice scopes; /* this and `subject` point into the table */
    struct slice subject;
};

/* Check the form of the value.  False: that decides already, and verdict->status is set. */
bool verdict_worth_hashing(const struct question *question, struct verdict *verdict);

/* Judge by a name of the credential other than its value's digest, at `now`.  STATUS_OK: nothing
 * denies it by that name; STATUS_UNAVAILABLE: the table cannot answer. */
enum status verdict_of_name(const struct table *table, const uint8_t digest[DIGEST_SIZE],
                            int64_t now, int64_t *activates);

/* Judge by verdict->digest at `now` (seconds since 1970).  STATUS_UNAVAILABLE: the table cannot
 * answer (a torn slot, or a wrong reference); ask the daemon, or take the writer's lock.  Of a value
 * that looks like a compact JWS, what denies its signed part denies it. */
void verdict_judge(const struct table *table, const struct question *question, int64_t now,
                   struct verdict *verdict);

/* The second half of that, in verdict_names.c: so the compiler makes the first half as if there were
 * none.  Judge a value, which was judged by its digest, by its SHA-256, if the table has tokens that are known
 * by that: what denies it there denies it, but only a token of that kind is passed, and then it is its
 * digest that the verdict has.  Then refuse what looks like a compact JWS, if its signed part is
 * denied. */
void verdict_names_judge(const struct table *table, const struct question *question, int64_t now,
                         struct verdict *verdict) __attribute__((cold, noinline, noclone));

/* Compare a token's subject and scopes with those that the question asks for.  Return STATUS_OK,
 * STATUS_SUBJECT or STATUS_SCOPE.  A token without a subject is for nobody, not even for a user whose
 * name is empty. */
static inline enum status verdict_fit(const struct question *question, struct slice subject,
                                      struct slice scopes)
{
    const struct slice wanted = question->subject;

    if (wanted.at != NULL && (wanted.len == 0 || !slice_equal(subject, wanted)))
        return STATUS_SUBJECT;
    return question->scopes.len == 0 || scopes_include(scopes, question->scopes) ? STATUS_OK :
                                                                                   STATUS_SCOPE;
}

/* Return the state of a token: revoked, disabled, expired, pending, or STATUS_OK (active). */
enum status verdict_state(uint32_t flags, int64_t activates, int64_t expires, int64_t now);

#endif
