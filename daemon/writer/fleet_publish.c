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

/* Count a token of its subject, or take it back. */
static void count(struct writer *w, const struct record *r, bool add)
{
    struct subject_counts *counts = &w->policy.counts;

    if (r->revoked == 0 && subject_counts_reserve(counts))
        subject_counts_note(counts, record_subject(r), r->expires, add);
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

static void list(struct writer *w, const struct record *r)
{
    uint64_t serial = fleet_serial(r->digest);

    w->fleet->figures.tokens++;
    creation_index_add(&w->index, r->created, serial, r->digest, r->by);
    subject_index_add(&w->subjects, record_subject(r), r->created, serial, r->digest);
    count(w, r, true);
}

/* Find out whether the indexes would have the same of both. */
static bool is_listed_alike(const struct record *a, const struct record *b)
{
    return a->created == b->created && a->by == b->by &&
           slice_equal(record_subject(a), record_subject(b));
}

/* Look whether the index has a token.  It merges its tail for that: for rare cases. */
static bool is_in_index(struct writer *w, const struct record *r)
{
    uint64_t serial = fleet_serial(r->digest);
    size_t at = creation_index_after(&w->index, r->created, serial - 1);

    return at < w->index.count && w->index.entry[at].serial == serial &&
           w->index.entry[at].created == r->created && !w->index.entry[at].removed;
}

/* Bring the indexes into agreement with the effect.  A token with a slot that the cache did not have is there because of
 * a commit that failed. */
static void relist(struct writer *w, const struct fleet_effect *e, enum fleet_slot slot)
{
    const struct record *before = &e->before.record, *after = &e->after.record;
    bool had = e->had && is_listed(&e->before), has = is_listed(&e->after);

    if (!e->had && has && slot == FLEET_SLOT_OURS && is_in_index(w, after))
        return;

    if (had && has && is_listed_alike(before, after)) {
        count(w, before, false);
        count(w, after, true);
        return;
    }
    if (had)
        unlist(w, before);
    if (has)
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

/* Take an entry out of all indexes. */
static void unlist_entry(struct writer *w, const struct creation_entry *e)
{
    const uint8_t *id = e->id;

    w->fleet->figures.tokens--;
    token_peek_each(w->token_table, &id, 1, forget, w);
    subject_index_remove(&w->subjects, w->token_table, e->id, e->created, e->serial);
    creation_index_remove(&w->index, e->created, e->serial);
}

void fleet_publish_remove(struct writer *w, const struct creation_entry *e)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;
    uint32_t flags = token_table_look(w->token_table, e->id, digest, &used);

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

void fleet_publish_restore(struct writer *w, const struct creation_entry *e, const struct record *r)
{
    struct comparison c = { .r = r };
    const uint8_t *id = e->id;

    deny(w, e->id, record_flags(r)); /* what was given up may have ended a disable */
    token_peek_each(w->token_table, &id, 1, compare, &c);
    if ((c.same && e->created == r->created && e->by == r->by) ||
        !fleet_publish_reserve(w, 1, 0, (uint64_t)r->subject_len + r->scopes_len))
        return;
    unlist_entry(w, e);
    list(w, r);
    token_table_put(w->token_table, r);
}
