/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/verdict.h"

#include "proto/scopes.h"
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

/* True if the token is for this subject.  A token without a subject is for nobody, not even for a
 * user whose name is empty. */
static bool speaks_for(struct slice subject, struct slice wanted)
{
    return wanted.len > 0 && slice_equal(subject, wanted);
}

enum status verdict_fit(const struct question *question, struct slice subject, struct slice scopes)
{
    if (question->subject.at != NULL && !speaks_for(subject, question->subject))
        return STATUS_SUBJECT;
    return question->scopes.len == 0 || scopes_include(scopes, question->scopes) ? STATUS_OK :
                                                                                   STATUS_SCOPE;
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

/* Judge by the slot that was found.  Inline: each caller is a path of its own. */
static inline __attribute__((always_inline)) void judge_entry(const struct table *table,
                                                              const struct question *question,
                                                              enum table_found found,
                                                              const struct table_entry *entry,
                                                              int64_t now, struct verdict *verdict)
{
    if (found == TABLE_TORN || !table_string(table, entry->scopes, &verdict->scopes) ||
        !table_string(table, entry->subject, &verdict->subject)) {
        verdict->status = STATUS_UNAVAILABLE;
        return;
    }
    verdict->found = true;
    verdict->slot = entry->slot;
    verdict->activates = entry->activates;
    verdict->expires = entry->expires;
    verdict->status = verdict_state(entry->flags, entry->activates, entry->expires, now);
    if (verdict->status == STATUS_OK)
        verdict->status = verdict_fit(question, verdict->subject, verdict->scopes);
}

static void judge_value(const struct table *table, const struct question *question, int64_t now,
                        struct verdict *verdict)
{
    struct table_entry entry;
    enum table_found found = table_find(table, verdict->digest, &entry);

    verdict->found = false;
    if (found == TABLE_MISS)
        verdict->status = absent(table, question->value);
    else
        judge_entry(table, question, found, &entry, now, verdict);
}

/* Look a value up by its SHA-256, too, where tokens are known by that.  What denies it there denies a
 * token of the same value, but only a token of that kind is passed.  The digest is changed last: a
 * caller may judge by it again after STATUS_UNAVAILABLE. */
static __attribute__((noinline)) void judge_sha256(const struct table *table,
                                                   const struct question *question, int64_t now,
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
    judge_entry(table, question, found, &entry, now, &other);
    if (other.status == STATUS_UNAVAILABLE) {
        verdict->status = STATUS_UNAVAILABLE;
        return;
    }
    bool may_pass = !verdict->found && (entry.flags & SLOT_SHA256) != 0;
    if (may_pass || verdict_state(entry.flags, entry.activates, entry.expires, now) != STATUS_OK)
        *verdict = other;
}

/* Values of our own, which are shorter, cost no more than this comparison. */
void verdict_judge(const struct table *table, const struct question *question, int64_t now,
                   struct verdict *verdict)
{
    judge_value(table, question, now, verdict);
    if (table->has_sha256)
        judge_sha256(table, question, now, verdict);
    if (question->value.len > TOKEN_VALUE_MAX)
        judge_signed_part(table, question, now, verdict);
}
