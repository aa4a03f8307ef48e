/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_publish.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/thread.h"
#include "daemon/table/token_bans.h"
#include "daemon/table/token_peek.h"

#define SPREAD_LOGGED UINT64_C(60000000000) /* nanoseconds between two lines in the log */

enum fleet_slot fleet_publish_look(struct writer *w, const uint8_t digest[DIGEST_SIZE])
{
    uint8_t whole[DIGEST_SIZE];
    int64_t used;
    uint32_t flags = token_table_look(w->token_table, digest, whole, &used);

    if (flags == 0)
        return FLEET_SLOT_FREE;
    if (memcmp(whole, digest, DIGEST_SIZE) != 0)
        return FLEET_SLOT_OTHER;
    return (flags & SLOT_FLEET) != 0 ? FLEET_SLOT_OURS : FLEET_SLOT_LOCAL;
}

/* Somebody who reads this host's table made tokens elsewhere by it: see token_table_is_crowded(). */
static void spread(struct writer *w)
{
    struct fleet *f = w->fleet;
    const uint64_t now = clock_monotonic();

    thread_priority_raise(&w->priority);
    int error = token_table_spread(w->token_table);
    thread_priority_lower(&w->priority);
    f->figures.spreads += error == 0;
    if (f->spread_logged != 0 && now - f->spread_logged < SPREAD_LOGGED)
        return;
    f->spread_logged = now;
    log_warning(
        "fleet: digests of tokens lie close together, as if somebody had chosen them by what this host's table "
        "tells its readers: it was %s (fleet_spreads)",
        error == 0 ? "made anew by another seed" : "not made anew, without memory");
}

/* Reserve slots by this thread's raised priority: the table is locked while it grows. */
static bool reserve_table(struct writer *w, uint64_t tokens, uint64_t bytes)
{
    if (w->fleet != NULL && token_table_is_crowded(w->token_table))
        spread(w);
    if (token_table_can_add(w->token_table, tokens, bytes))
        return true;
    thread_priority_raise(&w->priority);
    int error = token_table_reserve(w->token_table, tokens, bytes);
    thread_priority_lower(&w->priority);
    return error == 0;
}

void fleet_publish_expect(struct writer *w, uint64_t tokens)
{
    thread_priority_raise(&w->priority);
    token_table_expect(w->token_table, tokens);
    thread_priority_lower(&w->priority);
}

bool fleet_publish_reserve(struct writer *w, size_t count, size_t slots, uint64_t bytes)
{
    return creation_index_reserve(&w->index, count) == 0 &&
           subject_index_reserve(&w->subjects, count) && reserve_table(w, slots, bytes);
}

static uint32_t denying_flags(const struct fleet_entry *e)
{
    uint32_t flags = record_flags(&e->record) & (SLOT_REVOKED | SLOT_DISABLED);

    return e->deleted ? flags | SLOT_REVOKED : flags;
}

/* Set the flags of a slot that is there. */
static void deny(struct writer *w, const uint8_t id[ID_SIZE], uint32_t flags)
{
    if (flags & SLOT_DISABLED)
        token_table_deny(w->token_table, id, SLOT_DISABLED, NULL);
    if (flags & SLOT_REVOKED)
        token_table_deny(w->token_table, id, SLOT_REVOKED, NULL);
}

void fleet_publish_denial(struct writer *w, const struct fleet_entry *denied)
{
    uint32_t flags = denying_flags(denied);

    switch (fleet_publish_look(w, denied->record.digest)) {
    case FLEET_SLOT_OURS:
        deny(w, denied->record.digest, flags);
        return;
    case FLEET_SLOT_LOCAL:
        fleet_publish_denial_of_local(w, denied);
        return;
    case FLEET_SLOT_OTHER:
    case FLEET_SLOT_FREE:
        return;
    }
}

void fleet_publish_denial_of_local(struct writer *w, const struct fleet_entry *denied)
{
    if (fleet_publish_look(w, denied->record.digest) == FLEET_SLOT_LOCAL)
        deny(w, denied->record.digest, record_flags(&denied->record));
}

/* -- indexes ------------------------------------------------------------------------------------ */

/* True for an entry that the indexes have. */
static bool is_listed(const struct fleet_entry *e)
{
    return !e->deleted;
}

static void note_count(struct writer *w, const struct record *r, bool add)
{
    struct subject_counts *counts = &w->policy.counts;

    if (subject_counts_reserve(counts))
        subject_counts_note(counts, record_subject(r), r->expires, add);
}

/* Count a token of its subject, or take it back. */
static void count(struct writer *w, const struct record *r, bool add)
{
    if (r->revoked == 0)
        note_count(w, r, add);
}

/* The subject is still that of the table. */
static void unlist(struct writer *w, const struct record *r)
{
    uint64_t serial = fleet_serial(r->digest);

    w->fleet->figures.tokens--;
    count(w, r, false);
    subject_index_remove(&w->subjects, w->token_table, r->digest, r->created, serial);
    creation_index_remove(&w->index, r->created, serial);
}

static void list_uncounted(struct writer *w, const struct record *r)
{
    uint64_t serial = fleet_serial(r->digest);

    w->fleet->figures.tokens++;
    creation_index_add(&w->index, r->created, serial, r->digest, r->by);
    subject_index_add(&w->subjects, record_subject(r), r->created, serial, r->digest);
}

static void list(struct writer *w, const struct record *r)
{
    list_uncounted(w, r);
    count(w, r, true);
}

/* Bring the indexes into agreement with a record in the place of another one.  What they have of both alike stays there, as
 * each removal may cost a walk over all. */
static void relist_changed(struct writer *w, const struct record *before,
                           const struct record *after)
{
    uint64_t serial = fleet_serial(after->digest);
    bool moves = before->created != after->created;

    count(w, before, false);
    count(w, after, true);
    if (moves) {
        creation_index_remove(&w->index, before->created, serial);
        creation_index_add(&w->index, after->created, serial, after->digest, after->by);
    } else if (before->by != after->by) {
        creation_index_set_by(&w->index, after->created, serial, after->by);
    }
    if (moves || !slice_equal(record_subject(before), record_subject(after))) {
        subject_index_remove(&w->subjects, w->token_table, before->digest, before->created, serial);
        subject_index_add(&w->subjects, record_subject(after), after->created, serial,
                          after->digest);
    }
}

/* Bring the indexes into agreement with the effect.  A token with a slot that the cache did not have is there because of
 * a commit that failed. */
static void relist(struct writer *w, const struct fleet_effect *e, enum fleet_slot slot)
{
    const struct record *before = &e->before.record, *after = &e->after.record;
    bool had = e->had && is_listed(&e->before), has = is_listed(&e->after);

    if (!e->had && has && slot == FLEET_SLOT_OURS &&
        creation_index_has(&w->index, after->created, fleet_serial(after->digest)))
        return;
    if (had && has)
        relist_changed(w, before, after);
    else if (had)
        unlist(w, before);
    else if (has)
        list(w, after);
}

/* -- effects ------------------------------------------------------------------------------------ */

/* No longer honour a token.  A ban takes its slot where other verifiers could pass it. */
static void drop(struct writer *w, const struct record *r)
{
    if (token_table_keeps_bans(w->token_table))
        token_bans_put(w->token_table, r->digest);
    else
        token_table_remove(w->token_table, r->digest);
    if (w->last_used != NULL)
        last_used_remove(w->last_used, r->digest);
    if (w->refused != NULL)
        refused_remove(w->refused, r->digest);
}

/* What is banned here is denied from the moment when it is there. */
static void put(struct writer *w, const struct record *r, bool banned)
{
    struct record denied;

    if (banned && r->revoked == 0) {
        record_copy(&denied, r);
        denied.revoked = 1;
        r = &denied;
    }
    token_table_put(w->token_table, r);
}

static void publish_ours(struct writer *w, const struct fleet_effect *e, enum fleet_slot slot)
{
    const struct record *r = &e->after.record;

    relist(w, e, slot);
    if (e->after.deleted) {
        drop(w, r);
        return;
    }
    if (e->after.enables && r->disabled == 0)
        token_table_allow(w->token_table, r->digest);
    put(w, r, e->banned);
}

void fleet_publish_unsaved(struct writer *w, const struct fleet_effect *e)
{
    const struct record *r = &e->after.record;
    enum fleet_slot slot = fleet_publish_look(w, r->digest);
    bool listed = e->had && is_listed(&e->before);

    if (e->after.deleted || (slot != FLEET_SLOT_FREE && slot != FLEET_SLOT_OURS))
        return;
    if (listed && !slice_equal(record_subject(&e->before.record), record_subject(r)))
        return; /* it is found in the index of subjects by that of the table */
    if (e->after.enables && r->disabled == 0)
        token_table_allow(w->token_table, r->digest);
    put(w, r, e->banned);
}

void fleet_publish_effect(struct writer *w, const struct fleet_effect *e)
{
    enum fleet_slot slot = fleet_publish_look(w, e->after.record.digest);

    touched_note(&w->touched, e->after.record.digest);
    switch (slot) {
    case FLEET_SLOT_FREE:
    case FLEET_SLOT_OURS:
        publish_ours(w, e, slot);
        return;
    case FLEET_SLOT_LOCAL:
        fleet_publish_denial_of_local(w, &e->after);
        return;
    case FLEET_SLOT_OTHER:
        return;
    }
}

/* -- taking back -------------------------------------------------------------------------------- */

/* Take a token's subject and end from the table, to count it no longer. */
static void forget(void *writer, size_t at, const struct token_peek *token)
{
    struct writer *w = writer;

    (void)at;
    if (token->flags == 0 || (token->flags & SLOT_REVOKED) != 0 ||
        !subject_counts_reserve(&w->policy.counts))
        return;
    subject_counts_note(&w->policy.counts, token->subject, token->expires, false);
}

/* Let a token count no longer as the table has it. */
static void uncount(struct writer *w, const struct creation_entry *e)
{
    const uint8_t *id = e->id;

    token_peek_each(w->token_table, &id, 1, forget, w);
}

/* Take an entry out of all indexes. */
static void unlist_entry(struct writer *w, const struct creation_entry *e)
{
    w->fleet->figures.tokens--;
    subject_index_remove(&w->subjects, w->token_table, e->id, e->created, e->serial);
    creation_index_remove(&w->index, e->created, e->serial);
}

void fleet_publish_remove(struct writer *w, const struct creation_entry *e)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;
    uint32_t flags = token_table_look(w->token_table, e->id, digest, &used);

    uncount(w, e);
    unlist_entry(w, e);
    if ((flags & SLOT_FLEET) != 0 && (flags & (SLOT_REVOKED | SLOT_DISABLED)) == 0)
        token_table_remove(w->token_table, e->id);
}

struct comparison {
    const struct record *r;
    bool same;
};

static void compare(void *context, size_t at, const struct token_peek *token)
{
    struct comparison *c = context;

    (void)at;
    c->same = (token->flags & SLOT_FLEET) != 0 && token->expires == c->r->expires &&
              token->activates == c->r->activates &&
              slice_equal(token->subject, record_subject(c->r)) &&
              slice_equal(token->scopes, record_scopes(c->r));
}

void fleet_publish_restore(struct writer *w, const struct creation_entry *e, const struct record *r,
                           bool uncounted)
{
    struct comparison c = { .r = r };
    const uint8_t *id = e->id;

    deny(w, e->id, record_flags(r)); /* what was given up may have ended a disable */
    token_peek_each(w->token_table, &id, 1, compare, &c);
    /* Also of what was revoked since: that took it back once more. */
    if (uncounted)
        note_count(w, r, true);
    if ((c.same && e->created == r->created && e->by == r->by) ||
        !fleet_publish_reserve(w, 1, 0, (uint64_t)r->subject_len + r->scopes_len))
        return;
    if (!uncounted) {
        uncount(w, e);
        count(w, r, true);
    }
    unlist_entry(w, e);
    list_uncounted(w, r);
    token_table_put(w->token_table, r);
}
