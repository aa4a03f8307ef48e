/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction is begun and ended by commit.c; here is only what a change makes of a record. */
#include "daemon/writer/change_apply.h"

#include "daemon/writer/change_ban.h"
#include "daemon/writer/policy_check.h"

#include "proto/verdict.h"

static enum status refuse(struct change *c, enum status status)
{
    return problem_set(&c->problem, status, "%s", status_row(status)->meaning);
}

/* Refuse a change about a token that was not found. */
static enum status refuse_unless(struct change *c, enum store_found found)
{
    switch (found) {
    case STORE_FOUND:
        return STATUS_OK;
    case STORE_ABSENT:
        return refuse(c, STATUS_UNKNOWN);
    case STORE_FAILED:
        break;
    }
    return refuse(c, STATUS_STORE);
}

/* Read the token a change is about. */
static enum status find(struct change *c, struct store *store)
{
    return refuse_unless(c, store_get(store, c->id, &c->found));
}

static enum status find_unrevoked(struct change *c, struct store *store)
{
    enum status status = find(c, store);

    return status == STATUS_OK && c->found.revoked != 0 ? refuse(c, STATUS_REVOKED) : status;
}

/* Return the date of a denial.  It is never 0, which means none, whatever the clock says. */
static int64_t date_of_denial(int64_t now)
{
    return now > 0 ? now : 1;
}

/* Set the date, unless the same was denied before. */
static enum status deny(struct change *c, int64_t *date, int64_t now)
{
    c->puts = *date == 0;
    if (c->puts)
        *date = date_of_denial(now);
    return STATUS_OK;
}

/* Check what must hold for every record, so that what is exported can be imported. */
static enum status check_times(struct change *c, const struct record *r)
{
    if (r->expires <= r->activates)
        return problem_set(&c->problem, STATUS_BAD_VALUE,
                           "the token would expire before it becomes active");
    return STATUS_OK;
}

/* Turn times relative to now into dates. */
static void resolve_times(struct change *c, int64_t now)
{
    if (c->given & KEY_BIT(KEY_TTL))
        c->want.expires = now + c->ttl;
    if ((c->given & KEY_BIT(KEY_DELAY)) && c->delay > 0)
        c->want.activates = now + c->delay;
}

/* Add a token.  Whether it exists already is checked when it is put into the store. */
static enum status add(struct change *c)
{
    enum status status = check_times(c, &c->want);

    if (status != STATUS_OK)
        return status;
    c->want.by = c->uid;
    c->after = &c->want;
    c->puts = c->is_new = true;
    return STATUS_OK;
}

static enum status expires_in_the_past(struct change *c)
{
    return problem_set(&c->problem, STATUS_BAD_VALUE, "expires= is in the past");
}

static enum status apply_create(struct change *c, struct store *store, int64_t now)
{
    (void)store;
    c->want.created = now;
    resolve_times(c, now);
    policy_check_set_end(c, false, now);
    return c->want.expires <= now ? expires_in_the_past(c) : add(c);
}

/* Let an import shorten a token that is here, as it was shortened elsewhere. */
static bool shorten(struct record *r, const struct record *want)
{
    if ((want->own_end == 0 && want->rotated == 0) || want->expires >= r->expires)
        return false;
    r->own_end = record_own_end(r);
    r->expires = want->expires;
    if (r->rotated == 0)
        r->rotated = want->rotated;
    return true;
}

/* Learn the signed part of a token that was imported by its digest alone, so that what denies it
 * holds for that, too. */
static bool learn_signed(struct record *r, const struct record *want)
{
    if (r->has_signed || !want->has_signed)
        return false;
    r->has_signed = true;
    memcpy(r->signed_part, want->signed_part, DIGEST_SIZE);
    return true;
}

/* Import what denies a token that is here: a denial wins, whatever the rest says. */
static enum status merge(struct change *c, struct store *store, int64_t now)
{
    struct record *r = &c->found, *want = &c->want;
    bool learnt = learn_signed(r, want);
    bool lengthens = r->revoked != 0 && want->revoked != 0 &&
                     record_own_end(want) > record_own_end(r);

    c->after = r;
    c->lapses = 0;
    if (want->revoked != 0 && r->revoked == 0) {
        r->revoked = want->revoked;
        c->event = change_revoke.event;
    } else if (want->disabled != 0 && r->disabled == 0 && r->revoked == 0) {
        r->disabled = want->disabled;
        c->event = change_disable.event;
    } else if (shorten(r, want)) {
        c->event = change_update.event;
    } else if (learnt || lengthens) {
        c->event = r->revoked != 0 ? change_revoke.event : change_update.event;
    } else {
        enum status status = check_times(c, want);
        return status == STATUS_OK ? refuse(c, STATUS_EXISTS) : status;
    }
    shorten(r, want);
    if (r->revoked != 0 && record_own_end(want) > record_own_end(r))
        r->own_end = record_own_end(want);
    c->puts = true;
    return r->revoked != 0 ? change_ban_signed(c, store, r, now) : STATUS_OK;
}

/* Refuse a token that is banned; a denial of it may lengthen the ban. */
static enum status import_banned(struct change *c, struct store *store, int64_t now)
{
    enum status status = STATUS_OK;

    c->lapses = 0;
    if (c->want.revoked != 0)
        status = change_ban_token(c, store, &c->want, now);
    if (status != STATUS_OK || c->bans > 0) {
        c->after = &c->want;
        c->event = change_ban.event;
        return status;
    }
    return refuse(c, STATUS_BANNED);
}

/* True if the token that was found is the one to be imported: by its value, or by its signed
 * part. */
static bool is_same(const struct change *c)
{
    const struct record *a = &c->found, *b = &c->want;

    return memcmp(a->digest, b->digest, DIGEST_SIZE) == 0 ||
           (a->has_signed && b->has_signed &&
            memcmp(a->signed_part, b->signed_part, DIGEST_SIZE) == 0);
}

/* Add what is imported, unless it is denied here, or it denies what is here. */
static enum status add_imported(struct change *c, struct store *store, int64_t now)
{
    enum status status = change_ban_find(c, store, now);

    if (status == STATUS_BANNED)
        return import_banned(c, store, now);
    if (status == STATUS_OK && (c->has_twin || record_is_denied(&c->want))) {
        if (!c->has_twin)
            memcpy(c->id, c->want.digest, ID_SIZE);
        enum store_found found = store_get(store, c->id, &c->found);
        if (found == STORE_FOUND && is_same(c))
            return merge(c, store, now);
        status = found == STORE_FAILED ? STATUS_STORE : STATUS_OK;
    }
    if (status == STATUS_OK)
        status = add(c);
    if (status != STATUS_OK || c->want.revoked == 0)
        return status;
    c->lapses = 0;
    return change_ban_signed(c, store, &c->want, now);
}

static enum status apply_import(struct change *c, struct store *store, int64_t now)
{
    if (!(c->given & KEY_BIT(KEY_CREATED)))
        c->want.created = now;
    if (c->revoke && c->want.revoked == 0)
        c->want.revoked = date_of_denial(now);
    if (c->disable && c->want.disabled == 0)
        c->want.disabled = date_of_denial(now);
    resolve_times(c, now);
    return add_imported(c, store, now);
}

/* Set another expiry.  A token that has expired stays so: whoever relies on that must not find it
 * valid again.  One that was rotated ends no later than its grace does; of one that is shortened,
 * note the end that it had of its own. */
static enum status set_expiry(struct change *c, int64_t now)
{
    struct record *r = &c->found;

    if (r->expires <= now)
        return refuse(c, STATUS_EXPIRED);
    if (c->want.expires <= now)
        return expires_in_the_past(c);
    if (r->rotated != 0 && c->want.expires > r->expires)
        return problem_set(&c->problem, STATUS_BAD_VALUE,
                           "the token was rotated: it cannot last longer than its grace");
    int64_t own_end = record_own_end(r);
    r->expires = c->want.expires;
    r->own_end = r->expires < own_end ? own_end : 0;
    return check_times(c, r);
}

static enum status apply_update(struct change *c, struct store *store, int64_t now)
{
    enum status status = find_unrevoked(c, store);

    if (status != STATUS_OK)
        return status;
    if (c->given & KEY_BIT(KEY_SUBJECT))
        record_set_subject(&c->found, record_subject(&c->want));
    if (c->given & KEY_BIT(KEY_SCOPES))
        record_set_scopes(&c->found, record_scopes(&c->want));
    if (c->given & KEY_BIT(KEY_DESCRIPTION))
        record_set_description(&c->found, record_description(&c->want));
    if (c->given & KEY_BIT(KEY_EXPIRES))
        status = set_expiry(c, now);
    c->puts = status == STATUS_OK;
    return status;
}

/* True if the token that was found has the value that was given, or is its twin. */
static bool is_meant(const struct change *c)
{
    return memcmp(c->found.digest, c->want.digest, DIGEST_SIZE) == 0 || (c->has_twin && is_same(c));
}

/* Revoke a token.  Revoking it again is no error, and saves nothing. */
static enum status apply_revoke(struct change *c, struct store *store, int64_t now)
{
    enum status status = c->given & KEY_BIT(KEY_TOKEN) ?
                             refuse_unless(c, change_find_or_twin(c, store, is_meant)) :
                             find(c, store);

    if (status != STATUS_OK)
        return status;
    deny(c, &c->found.revoked, now);
    if (learn_signed(&c->found, &c->want))
        c->puts = true;
    return change_ban_signed(c, store, &c->found, now);
}

static enum status apply_disable(struct change *c, struct store *store, int64_t now)
{
    enum status status = find_unrevoked(c, store);

    return status == STATUS_OK ? deny(c, &c->found.disabled, now) : status;
}

/* Enable a token.  Save it even if it is enabled: a disable may be in force in memory alone. */
static enum status apply_enable(struct change *c, struct store *store, int64_t now)
{
    enum status status = find_unrevoked(c, store);

    (void)now;
    if (status != STATUS_OK)
        return status;
    c->found.disabled = 0;
    c->puts = true;
    return STATUS_OK;
}

static enum status apply_delete(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    c->removes = status == STATUS_OK;
    return status == STATUS_OK ? change_ban_token(c, store, &c->found, now) : status;
}

/* Give the new token the old one's claims. */
static void inherit(struct record *new, const struct record *old)
{
    new->activates = old->activates;
    new->expires = old->expires;
    record_set_subject(new, record_subject(old));
    record_set_scopes(new, record_scopes(old));
    record_set_description(new, record_description(old));
    memcpy(new->replaces, old->digest, ID_SIZE);
    new->has_replaces = true;
}

/* Let a token end after the grace, for good. */
static void end_after_grace(struct change *c, int64_t now)
{
    struct record *old = &c->found;

    old->rotated = date_of_denial(now);
    if (old->expires <= now + c->grace)
        return;
    old->own_end = record_own_end(old);
    old->expires = now + c->grace;
    c->ends = change_update.event;
}

/* End the old token with the grace, or at once if it would not even be active by then. */
static enum status apply_rotate(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);
    struct record *old = &c->found, *new = &c->want;

    if (status != STATUS_OK)
        return status;
    enum status state = verdict_state(record_flags(old), TIME_ALWAYS, old->expires, now);
    if (state != STATUS_OK)
        return refuse(c, state);
    inherit(new, old);
    new->created = now;
    policy_check_set_end(c, true, now);
    if (c->delay > 0 && new->activates < now + c->delay)
        new->activates = now + c->delay;
    status = add(c);
    c->rotates = status == STATUS_OK;
    if (c->grace == 0 || old->activates >= now + c->grace) {
        old->revoked = date_of_denial(now);
        c->ends = change_revoke.event;
        status = status == STATUS_OK ? change_ban_signed(c, store, old, now) : status;
    } else {
        end_after_grace(c, now);
    }
    return status;
}

/* Remove a token whose retention (in `grace`) is over; purge.c asks for it. */
static enum status apply_purge(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    if (status == STATUS_OK)
        c->removes = record_ended(&c->found) <= now - c->grace;
    /* What has simply reached its own end needs no ban. */
    return c->removes && record_is_denied(&c->found) ? change_ban_token(c, store, &c->found, now) :
                                                       status;
}

const struct change_kind change_create = {
    .event = "create", .apply = apply_create, .adds = true, .shows_claims = true, .grants = true
};
const struct change_kind change_import = { .event = "import",
                                           .apply = apply_import,
                                           .adds = true,
                                           .shows_claims = true,
                                           .grants = true,
                                           .exemptible = true };
const struct change_kind change_update = {
    .event = "update", .apply = apply_update, .shows_claims = true, .grants = true
};
const struct change_kind change_revoke = { .event = "revoke",
                                           .apply = apply_revoke,
                                           .deny = SLOT_REVOKED };
const struct change_kind change_disable = { .event = "disable",
                                            .apply = apply_disable,
                                            .deny = SLOT_DISABLED };
const struct change_kind change_enable = { .event = "enable",
                                           .apply = apply_enable,
                                           .allow = true };
const struct change_kind change_rotate = { .event = "rotate",
                                           .apply = apply_rotate,
                                           .denies = true,
                                           .adds = true,
                                           .shows_claims = true,
                                           .grants = true };
const struct change_kind change_delete = { .event = "delete",
                                           .apply = apply_delete,
                                           .denies = true };
const struct change_kind change_purge = { .event = "purge", .apply = apply_purge };
