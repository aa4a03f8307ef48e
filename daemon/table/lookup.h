/* SPDX-License-Identifier: Apache-2.0 */
/* Judge a question by the table that this thread has entered.  Any verifying thread; takes no lock
 * unless a slot is being changed at that moment. */
#ifndef JETON_DAEMON_TABLE_LOOKUP_H
#define JETON_DAEMON_TABLE_LOOKUP_H

#include "daemon/table/token_table.h"

/* Judge again, after the change that was in the way: verdict->status was STATUS_UNAVAILABLE, and its terms
 * VERDICT_FINAL. */
void lookup_retry(struct token_table *t, const struct generation *g, const struct question *q,
                  int64_t now, struct verdict *verdict);

/* Settle a verdict with STATUS_UNAVAILABLE by a clock_boottime() that was read after the judging: if that is due
 * to the fleet's lease, which has not run out, the status is what was judged.  False: it has run
 * out. */
static inline bool lookup_settle(struct verdict *verdict, int64_t boottime)
{
    if (verdict_holds(verdict, boottime)) {
        verdict_assume(verdict);
        return true;
    }
    verdict->found = false; /* what the table has of it tells nothing */
    return false;
}

/* True if a settled verdict is that the fleet's lease has run out. */
static inline bool lookup_is_stale(const struct verdict *verdict)
{
    return verdict->status == STATUS_UNAVAILABLE && verdict->terms != VERDICT_FINAL;
}

/* Both, for a verdict with STATUS_UNAVAILABLE. */
void lookup_retry_and_settle(struct token_table *t, const struct generation *g,
                             const struct question *q, int64_t now, struct verdict *verdict);

/* Judge a question whose value is hashed into verdict->digest. */
static inline void lookup_judge_hashed(struct token_table *t, const struct generation *g,
                                       const struct question *q, int64_t now,
                                       struct verdict *verdict)
{
    verdict->home = table_home(token_table_table(g), verdict->digest);
    verdict_judge(token_table_table(g), q, now, verdict);
    if (verdict->status == STATUS_UNAVAILABLE)
        lookup_retry_and_settle(t, g, q, now, verdict);
}

/* Hash the value and judge the question. */
void lookup_judge(struct token_table *t, const struct generation *g, const struct question *q,
                  int64_t now, struct verdict *verdict);

/* Judge by another name of a credential, as verdict_of_name() does. */
enum status lookup_name(struct token_table *t, const struct generation *g,
                        const uint8_t digest[DIGEST_SIZE], int64_t now);

#endif
