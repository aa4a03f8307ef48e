/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/decide.h"

#include "proto/verdict.h"

/* Reads the token a change is about into `after`. */
static enum status find(struct change *c, struct store *store)
{
    switch (store_get(store, c->id, &c->after)) {
    case STORE_FOUND:
        return STATUS_OK;
    case STORE_ABSENT:
        return problem_set(&c->problem, STATUS_UNKNOWN, "%s", status_row(STATUS_UNKNOWN)->meaning);
    case STORE_FAILED:
        break;
    }
    return problem_set(&c->problem, STATUS_STORE, "%s", status_row(STATUS_STORE)->meaning);
}

static enum status refuse(struct change *c, enum status status)
{
    return problem_set(&c->problem, status, "%s", status_row(status)->meaning);
}

/* When something is denied: 0 means never, whatever the clock says. */
static int64_t moment(int64_t now)
{
    return now > 0 ? now : 1;
}

/* Every record keeps this, so that what is exported can be imported. */
static enum status check_times(struct change *c, const struct record *r)
{
    if (r->expires <= r->activates)
        return problem_set(&c->problem, STATUS_BAD_VALUE,
                           "the token would expire before it becomes active");
    return STATUS_OK;
}

/* Relative times count from now. */
static void resolve_times(struct change *c, int64_t now)
{
    if (c->given & KEY_BIT(KEY_TTL))
        c->want.expires = now + c->ttl;
    if ((c->given & KEY_BIT(KEY_DELAY)) && c->delay > 0)
        c->want.activates = now + c->delay;
}

/* That there is no such token yet is the store's to say. */
static enum status add(struct change *c)
{
    enum status status = check_times(c, &c->want);

    if (status != STATUS_OK)
        return status;
    c->want.by = c->uid;
    record_copy(&c->after, &c->want);
    c->puts = c->is_new = true;
    return STATUS_OK;
}

static enum status decide_create(struct change *c, struct store *store, int64_t now)
{
    (void)store;
    c->want.created = now;
    resolve_times(c, now);
    if (c->want.expires <= now)
        return problem_set(&c->problem, STATUS_BAD_VALUE, "expires= is in the past");
    return add(c);
}

static enum status decide_import(struct change *c, struct store *store, int64_t now)
{
    (void)store;
    if (!(c->given & KEY_BIT(KEY_CREATED)))
        c->want.created = now;
    if (c->revoke && c->want.revoked == 0)
        c->want.revoked = moment(now);
    if (c->disable && c->want.disabled == 0)
        c->want.disabled = moment(now);
    resolve_times(c, now);
    return add(c);
}

static enum status decide_update(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    (void)now;
    if (status != STATUS_OK)
        return status;
    if (c->after.revoked != 0)
        return refuse(c, STATUS_REVOKED);
    if (c->given & KEY_BIT(KEY_SUBJECT))
        record_set_subject(&c->after, record_subject(&c->want));
    if (c->given & KEY_BIT(KEY_SCOPES))
        record_set_scopes(&c->after, record_scopes(&c->want));
    if (c->given & KEY_BIT(KEY_DESCRIPTION))
        record_set_description(&c->after, record_description(&c->want));
    if (c->given & KEY_BIT(KEY_EXPIRES)) {
        c->after.expires = c->want.expires;
        status = check_times(c, &c->after);
    }
    c->puts = status == STATUS_OK;
    return status;
}

/* Saying it again is no error, and saves nothing. */
static enum status decide_revoke(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    if (status == STATUS_OK && (c->given & KEY_BIT(KEY_TOKEN)) &&
        memcmp(c->after.digest, c->want.digest, DIGEST_SIZE) != 0)
        return refuse(c, STATUS_UNKNOWN);
    if (status != STATUS_OK || c->after.revoked != 0)
        return status;
    c->after.revoked = moment(now);
    c->puts = true;
    return STATUS_OK;
}

static enum status decide_disable(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    if (status == STATUS_OK && c->after.revoked != 0)
        return refuse(c, STATUS_REVOKED);
    if (status != STATUS_OK || c->after.disabled != 0)
        return status;
    c->after.disabled = moment(now);
    c->puts = true;
    return STATUS_OK;
}

/* Always saved, even if the record says enabled: a denial may stand in memory alone. */
static enum status decide_enable(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    (void)now;
    if (status != STATUS_OK)
        return status;
    if (c->after.revoked != 0)
        return refuse(c, STATUS_REVOKED);
    c->after.disabled = 0;
    c->puts = true;
    return STATUS_OK;
}

static enum status decide_delete(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    (void)now;
    c->removes = status == STATUS_OK;
    return status;
}

/* The new token has the old one's claims; the old one ends with the grace, or at once if it would
 * not even begin by then. */
static enum status decide_rotate(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    if (status != STATUS_OK)
        return status;
    enum status state = verdict_state(record_flags(&c->after), TIME_ALWAYS, c->after.expires, now);
    if (state != STATUS_OK)
        return refuse(c, state);
    record_copy(&c->other, &c->after);
    if (c->grace == 0 || c->other.activates >= now + c->grace)
        c->other.revoked = moment(now);
    else if (c->other.expires > now + c->grace)
        c->other.expires = now + c->grace;
    memcpy(c->after.digest, c->want.digest, DIGEST_SIZE);
    memcpy(c->after.replaces, c->other.digest, ID_SIZE);
    c->after.has_replaces = true;
    c->after.created = now;
    c->after.by = c->uid;
    if (c->delay > 0 && c->after.activates < now + c->delay)
        c->after.activates = now + c->delay;
    status = check_times(c, &c->after);
    c->puts = c->puts_other = c->is_new = status == STATUS_OK;
    return status;
}

/* Removes a token whose retention (in `grace`) is over; the daemon asks for it by itself. */
static enum status decide_purge(struct change *c, struct store *store, int64_t now)
{
    enum status status = find(c, store);

    if (status == STATUS_OK)
        c->removes = record_ended(&c->after) <= now - c->grace;
    return status;
}

const struct change_kind change_create =
    { .event = "create", .decide = decide_create, .adds = true, .shows_claims = true };
const struct change_kind change_import =
    { .event = "import", .decide = decide_import, .adds = true, .shows_claims = true };
const struct change_kind change_update =
    { .event = "update", .decide = decide_update, .shows_claims = true };
const struct change_kind change_revoke =
    { .event = "revoke", .decide = decide_revoke, .deny = SLOT_REVOKED };
const struct change_kind change_disable =
    { .event = "disable", .decide = decide_disable, .deny = SLOT_DISABLED };
const struct change_kind change_enable =
    { .event = "enable", .decide = decide_enable, .allow = true };
const struct change_kind change_rotate =
    { .event = "rotate", .decide = decide_rotate, .adds = true, .shows_claims = true };
const struct change_kind change_delete =
    { .event = "delete", .decide = decide_delete };
const struct change_kind change_purge =
    { .event = "purge", .decide = decide_purge };
