/* SPDX-License-Identifier: Apache-2.0 */
/* A rotation: a new token takes the place of one that ends with its grace. */
#include "daemon/writer/change_apply.h"
#include "daemon/writer/change_apply_private.h"
#include "daemon/writer/change_ban.h"
#include "daemon/writer/policy_check.h"

/* Return the end that a replacement has: of a token in its grace, the one that it had before. */
static int64_t inherited_end(const struct record *old)
{
    return old->rotated != 0 && old->rotated_end > old->expires ? old->rotated_end : old->expires;
}

/* Give the new token the old one's claims, but an end that the request names. */
static void inherit(struct change *c, int64_t now)
{
    struct record *new = &c->want, *old = &c->found;

    resolve_times(c, now);
    new->activates = old->activates;
    if (c->delay > 0 && new->activates < now + c->delay)
        new->activates = now + c->delay;
    if ((c->given & (KEY_BIT(KEY_TTL) | KEY_BIT(KEY_EXPIRES))) == 0)
        new->expires = inherited_end(old);
    record_set_subject(new, record_subject(old));
    record_set_scopes(new, record_scopes(old));
    record_set_description(new, record_description(old));
    record_set_group(new, record_group(old));
    memcpy(new->replaces, old->digest, ID_SIZE);
    new->has_replaces = true;
    memcpy(old->replaced_by, new->digest, ID_SIZE);
    old->has_replaced_by = true;
}

/* Let a token end after the grace, for good. */
static void end_after_grace(struct change *c, int64_t now)
{
    struct record *old = &c->found;

    if (old->rotated == 0)
        old->rotated_end = old->expires;
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
    inherit(c, now);
    new->created = now;
    policy_check_set_end(c, true, now);
    status = new->expires <= now ? expires_in_the_past(c) : add(c);
    c->rotates = status == STATUS_OK;
    if (c->grace == 0 || old->activates >= now + c->grace) {
        old->revoked = date_of_denial(now);
        record_set_revoked_by(old, c->uid);
        c->ends = change_revoke.event;
        status = status == STATUS_OK ? change_ban_signed(c, store, old, now) : status;
    } else {
        end_after_grace(c, now);
    }
    return status;
}

const struct change_kind change_rotate = { .event = "rotate",
                                           .apply = apply_rotate,
                                           .denies = true,
                                           .adds = true,
                                           .shows_claims = true,
                                           .grants = true };
