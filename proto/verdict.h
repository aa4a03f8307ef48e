/* SPDX-License-Identifier: Apache-2.0 */
/* Judge a presented value by a table.  The daemon and the client library both call this, so they
 * cannot disagree.  No state; any thread.
 *
 * Judging has two halves so that a caller with many questions can hash them all, prefetch their
 * slots, and only then compare:
 *
 *     if (verdict_worth_hashing(&question, &verdict)) {
 *         token_digest(question.value, verdict.digest);
 *         verdict.home = table_home(table, verdict.digest);  table_prefetch(table, verdict.home);
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

/* What a verdict by a table with a fleet holds by. */
enum verdict_terms {
    VERDICT_FINAL, /* nothing of the fleet: it is due to a token of this host, to a denial, or to the form */
    VERDICT_KNOWN,   /* a token of the fleet: until the deadline by which those are kept */
    VERDICT_UNKNOWN, /* nobody here knows the value: until the fleet's lease runs out */
};

struct verdict {
    enum status status; /* STATUS_OK, or a NO reason; STATUS_UNAVAILABLE: see below */
    uint8_t digest[DIGEST_SIZE];
    uint32_t home; /* table_home() of the digest, of the table to judge by */
    bool found;    /* there is such a token, and the members below are set */
    uint32_t slot;
    int64_t activates;   /* TIME_ALWAYS: no activation time */
    int64_t expires;     /* TIME_NEVER: no expiry */
    struct slice scopes; /* this and `subject` point into the table */
    struct slice subject;
    /* If the terms are not VERDICT_FINAL, the members behind them are set: the status is `judged` until the
     * deadline. */
    enum verdict_terms terms;
    enum status judged;
    int64_t deadline; /* by the clock of table->deadlines */
};

/* What the daemon says of a value that it cannot judge as the fleet's lease has run out. */
#define VERDICT_STALE_TEXT \
    "the fleet's lease has run out: this host may not know what was revoked meanwhile"

/* Check the form of the value.  False: that decides already, and verdict->status is set.  Called first, as it also
 * makes the terms VERDICT_FINAL. */
bool verdict_worth_hashing(const struct question *question, struct verdict *verdict);

/* Judge by a name of the credential other than its value's digest, at `now`.  STATUS_OK: nothing
 * denies it by that name; STATUS_UNAVAILABLE: the table cannot answer. */
enum status verdict_of_name(const struct table *table, const uint8_t digest[DIGEST_SIZE],
                            int64_t now, int64_t *activates);

/* Judge by verdict->digest, whose home slot is verdict->home, at `now` (seconds since 1970).  STATUS_UNAVAILABLE
 * with VERDICT_FINAL: the table cannot answer (a torn slot, or a wrong reference); ask the daemon, or take the
 * writer's lock.  With other terms: it can if verdict_holds(), by a clock that is read after this; verdict_assume() is
 * for who has found that.  Of a value that looks like a compact JWS, what denies its signed part denies
 * it. */
void verdict_judge(const struct table *table, const struct question *question, int64_t now,
                   struct verdict *verdict);

/* The same for the few that need more than one look at the table: a function of its own, so that the
 * compiler makes the other as if there were none.  Where the table has tokens that are known by the SHA-256
 * of their value, judge by that as well; refuse what looks like a compact JWS, if its signed part is denied;
 * of a table with a fleet, set the terms.  False: the value is unknown, unless its form tells more. */
bool verdict_special_judge(const struct table *table, const struct question *question, int64_t now,
                           struct verdict *verdict) __attribute__((noinline, noclone));

/* True if a verdict by a table with a fleet holds at `now`, in nanoseconds of its deadline's clock.  A deadline
 * further ahead than the daemon ever grants is not believed. */
static inline bool verdict_holds(const struct verdict *v, int64_t now)
{
    const uint64_t late = 500000000; /* of a coarse clock on a busy virtual machine */

    /* One comparison: a deadline that is over is as far off as one that is too long. */
    if (v->terms == VERDICT_KNOWN)
        return (uint64_t)v->deadline - ((uint64_t)now + 1) < TABLE_FLEET_KEEP_MAX + late;
    return v->terms == VERDICT_FINAL ||
           (uint64_t)v->deadline - ((uint64_t)now + 1) < TABLE_FLEET_UNTIL_MAX + late;
}

/* Take what was judged for the status, if the terms are not VERDICT_FINAL; false: nothing was. */
static inline bool verdict_assume(struct verdict *v)
{
    if (v->terms == VERDICT_FINAL)
        return false;
    v->status = v->judged;
    return true;
}

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

/* -- for proto/verdict*.c only: what both halves of verdict_judge() have in common, compiled into each ------- */

/* Judge by verdict->digest alone.  *flags: those of the slot; 0: there is none.  False: the value is not there;
 * it is unknown, unless its form tells more. */
static inline __attribute__((always_inline)) bool verdict_value_judge(
    const struct table *table, const struct question *question, int64_t now,
    struct verdict *verdict, uint32_t *flags)
{
    struct table_entry entry;
    enum table_found found = table_find_from(table, verdict->home, verdict->digest, &entry);

    *flags = 0;
    verdict->found = false;
    if (found == TABLE_MISS) {
        verdict->status = STATUS_UNKNOWN;
        return false;
    }
    if (found == TABLE_TORN || !table_string(table, entry.scopes, &verdict->scopes) ||
        !table_string(table, entry.subject, &verdict->subject)) {
        verdict->status = STATUS_UNAVAILABLE;
        verdict->terms = VERDICT_FINAL;
        return true;
    }
    *flags = entry.flags;
    verdict->found = true;
    verdict->slot = entry.slot;
    verdict->activates = entry.activates;
    verdict->expires = entry.expires;
    verdict->status = verdict_state(entry.flags, entry.activates, entry.expires, now);
    if (verdict->status == STATUS_OK)
        verdict->status = verdict_fit(question, verdict->subject, verdict->scopes);
    return true;
}

/* -- a table with a fleet ------------------------------------------------------------------------
 *
 * The fleet's lease is read first, then a slot.  The daemon puts the changes that came
 * into the table before it prolongs the lease.  A reader that found the longer lease after it has read the
 * slot would take what it read while there was none for current.  So the deadlines are read first; the
 * clock, which they are compared with, last. */

struct verdict_deadlines {
    int64_t until;
    int64_t keep;
};

static inline struct verdict_deadlines verdict_deadlines_read(const struct table *table)
{
    return (struct verdict_deadlines){
        .until = atomic_load_explicit(&table->deadlines->until, memory_order_acquire),
        .keep = atomic_load_explicit(&table->deadlines->keep, memory_order_acquire),
    };
}

static inline void verdict_depend(struct verdict *verdict, enum verdict_terms terms,
                                  int64_t deadline)
{
    verdict->terms = terms;
    verdict->deadline = deadline;
    verdict->judged = verdict->status;
    verdict->status = STATUS_UNAVAILABLE;
}

/* Set the terms of what is due to a slot with these flags, or to none.  What depends on a deadline is
 * STATUS_UNAVAILABLE until somebody has looked at a clock. */
static inline __attribute__((always_inline)) void verdict_terms_set(
    struct verdict *verdict, bool decided, uint32_t flags, const struct verdict_deadlines *d)
{
    if (!decided)
        verdict_depend(verdict, VERDICT_UNKNOWN, d->until);
    else if ((flags & (SLOT_FLEET | SLOT_REVOKED | SLOT_DISABLED)) == SLOT_FLEET)
        verdict_depend(verdict, VERDICT_KNOWN, d->keep);
    else
        verdict->terms = VERDICT_FINAL;
}

#endif
