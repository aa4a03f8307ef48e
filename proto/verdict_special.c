/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/verdict.h"

#include "proto/token.h"

static enum status judge_name(const struct table *table, const uint8_t digest[DIGEST_SIZE],
                              int64_t now, struct table_entry *entry)
{
    switch (table_find_name(table, digest, entry)) {
    case TABLE_MISS:
        return STATUS_OK;
    case TABLE_TORN:
        return STATUS_UNAVAILABLE;
    case TABLE_HIT:
        break;
    }
    return verdict_state(entry->flags, entry->activates, entry->expires, now);
}

enum status verdict_of_name(const struct table *table, const uint8_t digest[DIGEST_SIZE],
                            int64_t now, int64_t *activates)
{
    struct table_entry entry = { .activates = TIME_ALWAYS };
    enum status status = judge_name(table, digest, now, &entry);

    *activates = entry.activates;
    return status;
}

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

/* Judge a value, which was judged by its digest, by its SHA-256: what denies it there denies it, but only a
 * token of that kind is passed, and then it is its digest that the verdict has.  That is changed last: a
 * caller may judge by it again after STATUS_UNAVAILABLE. */
static void judge_sha256(const struct table *table, const struct question *question, int64_t now,
                         struct verdict *verdict, uint32_t *flags)
{
    struct verdict other;
    struct table_entry entry;

    if (verdict->found ? verdict->status != STATUS_OK : verdict->status == STATUS_UNAVAILABLE)
        return;
    token_sha256(question->value, other.digest);
    other.home = table_home(table, other.digest);
    enum table_found found = table_find_from(table, other.home, other.digest, &entry);
    if (found == TABLE_MISS)
        return;
    if (found == TABLE_TORN || !judge_entry(table, question, &entry, now, &other)) {
        verdict->status = STATUS_UNAVAILABLE;
        verdict->terms = VERDICT_FINAL;
        *flags = 0;
        return;
    }
    bool may_pass = !verdict->found && (entry.flags & SLOT_SHA256) != 0;
    if (may_pass || verdict_state(entry.flags, entry.activates, entry.expires, now) != STATUS_OK) {
        *verdict = other;
        *flags = entry.flags;
    }
}

/* Refuse a value that is not refused so far, if its signed part is denied. */
static void judge_signed_part(const struct table *table, const struct question *question,
                              int64_t now, struct verdict *verdict, uint32_t *flags)
{
    uint8_t digest[DIGEST_SIZE];
    struct table_entry entry;

    if ((verdict->status != STATUS_OK && verdict->status != STATUS_UNKNOWN) ||
        !token_signed_digest(question->value, digest))
        return;
    enum status status = judge_name(table, digest, now, &entry);
    if (status == STATUS_OK)
        return;
    bool torn = status == STATUS_UNAVAILABLE;
    verdict->status = status;
    verdict->terms = VERDICT_FINAL;
    if (!torn)
        verdict->activates = entry.activates;
    *flags = torn ? 0 : entry.flags;
}

bool verdict_special_judge(const struct table *table, const struct question *question, int64_t now,
                           struct verdict *verdict)
{
    const bool has_fleet = table->has_fleet;
    struct verdict_deadlines deadlines = { 0, 0 };
    uint32_t flags;

    if (has_fleet)
        deadlines = verdict_deadlines_read(table);
    verdict_value_judge(table, question, now, verdict, &flags);
    if (table->has_sha256)
        judge_sha256(table, question, now, verdict, &flags);
    if (question->value.len > TOKEN_VALUE_MAX)
        judge_signed_part(table, question, now, verdict, &flags);
    bool decided = verdict->status != STATUS_UNKNOWN;
    if (has_fleet)
        verdict_terms_set(verdict, decided, flags, &deadlines);
    return decided;
}
