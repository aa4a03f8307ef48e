/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/verdict.h"

#include "proto/token.h"

bool verdict_worth_hashing(const struct question *question, struct verdict *verdict)
{
    enum token_form form = token_form_quick(question->value);

    verdict->found = false;
    verdict->terms = VERDICT_FINAL;
    verdict->status = form == TOKEN_ID ? STATUS_IDENTIFIER : STATUS_MALFORMED;
    return form == TOKEN_FOREIGN;
}

enum status verdict_state(uint32_t flags, int64_t activates, int64_t expires, int64_t now)
{
    if (flags & SLOT_REVOKED)
        return STATUS_REVOKED;
    if (flags & SLOT_DISABLED)
        return STATUS_DISABLED;
    if (now >= expires)
        return STATUS_EXPIRED;
    if (now < activates)
        return STATUS_PENDING;
    return STATUS_OK;
}

/* Judge by a table with a fleet, as verdict_special_judge() does. */
static inline __attribute__((always_inline)) bool judge_in_fleet(const struct table *table,
                                                                 const struct question *question,
                                                                 int64_t now,
                                                                 struct verdict *verdict)
{
    struct verdict_deadlines deadlines = verdict_deadlines_read(table);
    uint32_t flags;

    bool decided = verdict_value_judge(table, question, now, verdict, &flags);
    verdict_terms_set(verdict, decided, flags, &deadlines);
    return decided;
}

/* Values of our own, which are shorter, cost no more than one comparison where they are all there is.  The form
 * of a value is looked at only when it is not in the table, as an imported one may have any. */
void verdict_judge(const struct table *table, const struct question *question, int64_t now,
                   struct verdict *verdict)
{
    const bool long_value = question->value.len > TOKEN_VALUE_MAX;
    bool decided;
    uint32_t flags;

    if (__builtin_expect(!(table->is_special | long_value), true))
        decided = verdict_value_judge(table, question, now, verdict, &flags);
    else if (table->has_sha256 | long_value)
        decided = verdict_special_judge(table, question, now, verdict);
    else
        decided = judge_in_fleet(table, question, now, verdict);
    if (!decided && token_form(question->value, table->prefix) == TOKEN_BAD_CHECK) {
        verdict->status = STATUS_MALFORMED;
        verdict->terms = VERDICT_FINAL;
    }
}
