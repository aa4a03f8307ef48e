/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/verdict.h"

#include "proto/token.h"

/* Judge by the slot that was found; false: it cannot be read. */
static bool judge_entry(const struct table *table, const struct question *question,
                        const struct table_entry *entry, int64_t now, struct verdict *verdict)
{
    verdict->found = true;
    verdict->slot = entry->slot;
    verdict->activates = entry->activates;
    verdict->expires = entry->expires;
    verdict->status = verdict_state(entry->flags, entry->activates, entry->expires, now);
    if (!table_string(table, entry->scopes, &verdict->scopes) ||
        !table_string(table, entry->subject, &verdict->subject))
        return false;
    if (verdict->status == STATUS_OK)
        verdict->status = verdict_fit(question, verdict->subject, verdict->scopes);
    return true;
}

/* The digest is changed last: a caller may judge by it again after STATUS_UNAVAILABLE. */
static void judge_sha256(const struct table *table, const struct question *question, int64_t now,
                         struct verdict *verdict)
{
    struct verdict other = { .found = false };
    struct table_entry entry;

    if (verdict->found ? verdict->status != STATUS_OK : verdict->status == STATUS_UNAVAILABLE)
        return;
    token_sha256(question->value, other.digest);
    enum table_found found = table_find(table, other.digest, &entry);
    if (found == TABLE_MISS)
        return;
    if (found == TABLE_TORN || !judge_entry(table, question, &entry, now, &other)) {
        verdict->status = STATUS_UNAVAILABLE;
        return;
    }
    bool may_pass = !verdict->found && (entry.flags & SLOT_SHA256) != 0;
    if (may_pass || verdict_state(entry.flags, entry.activates, entry.expires, now) != STATUS_OK)
        *verdict = other;
}

/* Refuse a value that is not refused so far, if its signed part is denied. */
static void judge_signed_part(const struct table *table, const struct question *question,
                              int64_t now, struct verdict *verdict)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t activates = 0;

    if ((verdict->status != STATUS_OK && verdict->status != STATUS_UNKNOWN) ||
        !token_signed_digest(question->value, digest))
        return;
    enum status status = verdict_of_name(table, digest, now, &activates);
    if (status == STATUS_OK)
        return;
    verdict->status = status;
    verdict->activates = activates;
}

void verdict_names_judge(const struct table *table, const struct question *question, int64_t now,
                         struct verdict *verdict)
{
    if (table->has_sha256)
        judge_sha256(table, question, now, verdict);
    if (question->value.len > TOKEN_VALUE_MAX)
        judge_signed_part(table, question, now, verdict);
}
