/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction is begun and ended by commit.c; here is only what a change makes of a record. */
#include "daemon/writer/change_apply.h"

#include "daemon/writer/change_apply_private.h"
#include "daemon/writer/change_ban.h"
#include "daemon/writer/policy_check.h"

static enum status find_unrevoked(struct change *c, struct store *store)
{
    enum status status = find(c, store);

    return status == STATUS_OK && c->found.revoked != 0 ? refuse(c, STATUS_REVOKED) : status;
}

/* Revoke or disable the token that was found, unless it is so already. */
static void deny(struct change *c, int64_t *date, int64_t now,
                 void (*set_by)(struct record *r, uid_t by))
{
    c->puts = *date == 0;
    if (!c->puts)
        return;
    *date = date_of_denial(now);
    set_by(&c->found, c->uid);
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
    if (r->rotated == 0) {
        r->rotated = want->rotated;
        r->rotated_end = want->rotated_end;
    }
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

/* Learn what a token that is denied here was rotated to elsewhere. */
static void learn_successor(struct record *r, const struct record *want)
{
    if (r->has_replaced_by || !want->has_replaced_by)
        return;
    r->has_replaced_by = true;
    memcpy(r->replaced_by, want->replaced_by, ID_SIZE);
}

/* Read the token that is known by the other digest of the value that was given. */
static enum store_found find_other(const struct change *c, struct store *store,
                                   const struct record *of, struct record *other)
{
    bool by_sha256 = memcmp(of->digest, c->sha256, DIGEST_SIZE) == 0;
    const uint8_t *digest = by_sha256 ? c->want.digest : c->sha256;

    if (!c->has_sha256 || (c->no_sha256 && !by_sha256))
        return STORE_ABSENT;
    enum store_found found = store_get(store, digest, other);
    bool is = found == STORE_FOUND && memcmp(other->digest, digest, DIGEST_SIZE) == 0 &&
              other->digest_alg == (by_sha256 ? DIGEST_ALG_OWN : DIGEST_ALG_SHA256);
    return found == STORE_FOUND && !is ? STORE_ABSENT : found;
}

/* A value may be here twice, by two digests: let the ban that a revoked token leaves outlast both. */
static enum status outlast_other(struct change *c, struct store *store)
{
    struct record *r = &c->found, other;

    switch (find_other(c, store, r, &other)) {
    case STORE_FOUND:
        break;
    case STORE_ABSENT:
        return STATUS_OK;
    case STORE_FAILED:
        return refuse(c, STATUS_STORE);
    }
    if (record_own_end(&other) > record_own_end(r)) {
        r->own_end = record_own_end(&other);
        c->puts = true;
    }
    return STATUS_OK;
}

/* Import what denies a token that is here: a denial wins, whatever the rest says. */
static enum status merge(struct change *c, struct store *store, int64_t now)
{
    struct record *r = &c->found, *want = &c->want;
    bool learnt = learn_signed(r, want);
    learn_successor(r, want);
    bool lengthens = r->revoked != 0 && want->revoked != 0 &&
                     record_own_end(want) > record_own_end(r);

    c->after = r;
    c->lapses = 0;
    c->merge_denies = true;
    if (want->revoked != 0 && r->revoked == 0) {
        r->revoked = want->revoked;
        record_set_revoked_by(r, want->has_revoked_by ? want->revoked_by : c->uid);
        c->event = change_revoke.event;
    } else if (want->disabled != 0 && r->disabled == 0 && r->revoked == 0) {
        r->disabled = want->disabled;
        record_set_disabled_by(r, want->has_disabled_by ? want->disabled_by : c->uid);
        c->event = change_disable.event;
    } else if (shorten(r, want)) {
        c->event = change_update.event;
    } else if (learnt || lengthens || (r->revoked != 0 && change_ban_learn_scheme(r, want))) {
        c->event = r->revoked != 0 ? change_revoke.event : change_update.event;
        c->merge_denies = false;
    } else {
        enum status status = check_times(c, want);
        return status == STATUS_OK ? refuse(c, STATUS_EXISTS) : status;
    }
    shorten(r, want);
    if (r->revoked != 0)
        change_ban_learn_scheme(r, want);
    if (r->revoked != 0 && record_own_end(want) > record_own_end(r))
        r->own_end = record_own_end(want);
    c->puts = true;
    if (r->revoked == 0)
        return STATUS_OK;
    enum status status = outlast_other(c, store);
    return status == STATUS_OK ? change_ban_signed(c, store, r, now) : status;
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

/* True if the token that was found is the one to be imported: by its value, in either digest, or by
 * its signed part. */
static bool is_same(const struct change *c)
{
    const struct record *a = &c->found, *b = &c->want;

    return memcmp(a->digest, b->digest, DIGEST_SIZE) == 0 ||
           (a->has_signed && b->has_signed &&
            memcmp(a->signed_part, b->signed_part, DIGEST_SIZE) == 0) ||
           (c->has_sha256 && memcmp(a->digest, c->sha256, DIGEST_SIZE) == 0);
}

/* Find out whether the value that is to be imported is here by its SHA-256. */
static enum status find_by_sha256(struct change *c, struct store *store)
{
    enum store_found found = find_other(c, store, &c->want, &c->found);

    c->has_twin = found == STORE_FOUND;
    if (c->has_twin)
        memcpy(c->id, c->found.digest, ID_SIZE);
    return found == STORE_FAILED ? refuse(c, STATUS_STORE) : STATUS_OK;
}

/* Add what is imported, unless it is denied here, or it denies what is here. */
static enum status add_imported(struct change *c, struct store *store, int64_t now)
{
    enum status status = change_ban_find(c, store, now);

    if (status == STATUS_BANNED)
        return import_banned(c, store, now);
    if (status == STATUS_OK && !c->has_twin)
        status = find_by_sha256(c, store);
    if (status == STATUS_OK && (c->has_twin || record_is_denied(&c->want))) {
        if (!c->has_twin)
            memcpy(c->id, c->want.digest, ID_SIZE);
        enum store_found found = change_read(c, store, c->id);
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

/* Deny what is imported as denied without a date: now, and by whoever imports it. */
static void date_denials(struct change *c, int64_t now)
{
    struct record *want = &c->want;

    if (c->revoke && want->revoked == 0) {
        want->revoked = date_of_denial(now);
        record_set_revoked_by(want, c->uid);
    }
    if (c->disable && want->disabled == 0) {
        want->disabled = date_of_denial(now);
        record_set_disabled_by(want, c->uid);
    }
}

static enum status apply_import(struct change *c, struct store *store, int64_t now)
{
    if (!(c->given & KEY_BIT(KEY_CREATED)))
        c->want.created = now;
    if (c->used > now) /* elsewhere, by another clock */
        c->used = now > 0 ? now : 0;
    date_denials(c, now);
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
    resolve_times(c, now);
    if (c->given & (KEY_BIT(KEY_EXPIRES) | KEY_BIT(KEY_TTL)))
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
    deny(c, &c->found.revoked, now, record_set_revoked_by);
    if (learn_signed(&c->found, &c->want))
        c->puts = true;
    status = outlast_other(c, store);
    return status == STATUS_OK ? change_ban_signed(c, store, &c->found, now) : status;
}

static enum status apply_disable(struct change *c, struct store *store, int64_t now)
{
    enum status status = find_unrevoked(c, store);

    if (status == STATUS_OK)
        deny(c, &c->found.disabled, now, record_set_disabled_by);
    return status;
}

/* Enable a token.  Save it even if it is enabled: a disable may be in force in memory alone. */
static enum status apply_enable(struct change *c, struct store *store, int64_t now)
{
    enum status status = find_unrevoked(c, store);

    (void)now;
    if (status != STATUS_OK)
        return status;
    c->found.disabled = 0;
    c->found.has_disabled_by = false;
    c->puts = true;
    return STATUS_OK;
}

static enum status apply_delete(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    c->removes = status == STATUS_OK;
    return status == STATUS_OK ? change_ban_token(c, store, &c->found, now) : status;
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
const struct change_kind change_delete = { .event = "delete",
                                           .apply = apply_delete,
                                           .denies = true };
const struct change_kind change_purge = { .event = "purge", .apply = apply_purge };
