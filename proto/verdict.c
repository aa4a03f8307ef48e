/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/verdict.h"

#include "proto/token.h"

bool verdict_worth_hashing(const struct question *question, struct verdict *verdict)
{
    enum token_form form = token_form_quick(question->value);

    verdict->found = false;
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

/* Return the status of a value that is not in the table.  Only then is its form looked at, as an
 * imported value may have any form. */
static enum status absent(const struct table *table, struct slice value)
{
    return token_form(value, table->prefix) == TOKEN_BAD_CHECK ? STATUS_MALFORMED : STATUS_UNKNOWN;
}

enum status verdict_of_name(const struct table *table, const uint8_t digest[DIGEST_SIZE],
                            int64_t now, int64_t *activates)
{
    struct table_entry entry;

    switch (table_find_name(table, digest, &entry)) {
    case TABLE_MISS:
        return STATUS_OK;
    case TABLE_TORN:
        return STATUS_UNAVAILABLE;
    case TABLE_HIT:
        break;
    }
    *activates = entry.activates;
    return verdict_state(entry.flags, entry.activates, entry.expires, now);
}

static void judge_value(const struct table *table, const struct question *question, int64_t now,
                        struct verdict *verdict)
{
    struct table_entry entry;
    enum table_found found = table_find(table, verdict->digest, &entry);

    verdict->found = false;
    if (found == TABLE_MISS) {
        verdict->status = absent(table, question->value);
        return;
    }
    if (found == TABLE_TORN || !table_string(table, entry.scopes, &verdict->scopes) ||
        !table_string(table, entry.subject, &verdict->subject)) {
        verdict->status = STATUS_UNAVAILABLE;
        return;
    }
    verdict->found = true;
    verdict->slot = entry.slot;
    verdict->activates = entry.activates;
    verdict->expires = entry.expires;
    verdict->status = verdict_state(entry.flags, entry.activates, entry.expires, now);
    if (verdict->status == STATUS_OK)
        verdict->status = verdict_fit(question, verdict->subject, verdict->scopes);
}

/* Values of our own, which are shorter, cost no more than this comparison where they are all there is. */
void verdict_judge(const struct table *table, const struct question *question, int64_t now,
                   struct verdict *verdict)
{
    judge_value(table, question, now, verdict);
    if (__builtin_expect(table->has_sha256 | (question->value.len > TOKEN_VALUE_MAX), false))
        verdict_names_judge(table, question, now, verdict);
}
