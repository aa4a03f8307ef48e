/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/lookup.h"

#include "daemon/base/clock.h"
#include "proto/token.h"

enum { TORN_RETRIES = 3 };

void lookup_retry(struct token_table *t, const struct generation *g, const struct question *q,
                  int64_t now, struct verdict *verdict)
{
    for (int i = 0; i < TORN_RETRIES && verdict->status == STATUS_UNAVAILABLE &&
                    verdict->terms == VERDICT_FINAL;
         i++) {
        token_table_wait_for_writer(t);
        verdict_judge(token_table_table(g), q, now, verdict);
    }
}

void lookup_retry_and_settle(struct token_table *t, const struct generation *g,
                             const struct question *q, int64_t now, struct verdict *verdict)
{
    lookup_retry(t, g, q, now, verdict);
    if (lookup_is_stale(verdict))
        lookup_settle(verdict, clock_boottime());
}

void lookup_judge(struct token_table *t, const struct generation *g, const struct question *q,
                  int64_t now, struct verdict *verdict)
{
    if (!verdict_worth_hashing(q, verdict))
        return;
    token_digest(q->value, verdict->digest);
    lookup_judge_hashed(t, g, q, now, verdict);
}

enum status lookup_name(struct token_table *t, const struct generation *g,
                        const uint8_t digest[DIGEST_SIZE], int64_t now)
{
    int64_t activates;
    enum status status = verdict_of_name(token_table_table(g), digest, now, &activates);

    for (int i = 0; i < TORN_RETRIES && status == STATUS_UNAVAILABLE; i++) {
        token_table_wait_for_writer(t);
        status = verdict_of_name(token_table_table(g), digest, now, &activates);
    }
    return status;
}
