/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_reply.h"

#include "daemon/writer/change_apply.h"
#include "proto/reply.h"
#include "proto/stamp.h"

static void put_text(struct text *t, const char *key, struct slice value)
{
    if (value.len > 0)
        line_put(t, key, value);
}

/* Write what an update changes, also where it leaves nothing. */
static void put_changes(struct text *t, const struct record *r, uint64_t given)
{
    if ((given & (KEY_BIT(KEY_EXPIRES) | KEY_BIT(KEY_TTL))) != 0 && r->expires == TIME_NEVER)
        line_puts(t, "expires", "never");
    else if ((given & (KEY_BIT(KEY_EXPIRES) | KEY_BIT(KEY_TTL))) != 0)
        line_put_time(t, "expires", r->expires);
    if ((given & KEY_BIT(KEY_SUBJECT)) != 0)
        line_put(t, "subject", record_subject(r));
    if ((given & KEY_BIT(KEY_SCOPES)) != 0)
        line_put(t, "scopes", record_scopes(r));
    if ((given & KEY_BIT(KEY_DESCRIPTION)) != 0)
        line_put(t, "description", record_description(r));
}

static void put_all(struct text *t, const struct record *r)
{
    line_put_time(t, "created", r->created);
    if (r->activates != TIME_ALWAYS)
        line_put_time(t, "activates", r->activates);
    if (r->expires != TIME_NEVER)
        line_put_time(t, "expires", r->expires);
    put_text(t, "subject", record_subject(r));
    put_text(t, "scopes", record_scopes(r));
    put_text(t, "description", record_description(r));
    if (!r->has_replaces)
        return;
    text_adds(t, " replaces=");
    text_add_hex(t, r->replaces, ID_SIZE);
}

void fleet_reply_claims(struct text *t, enum fleet_up_event event, const struct record *r,
                        uint64_t given)
{
    line_put(t, "group", record_group(r));
    switch (event) {
    case FLEET_UP_CREATE:
    case FLEET_UP_IMPORT:
    case FLEET_UP_ROTATE:
        put_all(t, r);
        break;
    case FLEET_UP_UPDATE:
        put_changes(t, r, given);
        break;
    case FLEET_UP_END:
        put_changes(t, r, KEY_BIT(KEY_EXPIRES));
        break;
    case FLEET_UP_ENABLE:
    case FLEET_UP_REVOKE:
    case FLEET_UP_DISABLE:
    case FLEET_UP_DELETE:
        break;
    }
}

/* Return the length of what is to be sent: the group comes first, and is all of an update that changes nothing. */
static size_t claims_length(const struct fleet_up_request *r)
{
    size_t at = 1;

    while (r->asks_again && at < r->len && r->claims[at] != ' ')
        at++;
    return r->asks_again ? at : r->len;
}

void fleet_reply_offer(struct text *t, const struct fleet_up_request *r)
{
    text_adds(t, "*");
    line_put_u64(t, "request", r->number);
    line_puts(t, "event", fleet_up_event_word(r->asks_again ? FLEET_UP_UPDATE : r->event));
    text_adds(t, " digest=");
    text_add_hex(t, r->digest, DIGEST_SIZE);
    text_add(t, r->claims, claims_length(r));
    text_adds(t, " by=uid:");
    text_add_u64(t, r->by);
    if (r->confirm) {
        text_adds(t, " confirm=all wait=");
        duration_write(t, r->wait);
    }
    text_addc(t, '\n');
}

void fleet_reply_outcome(struct text *t, const struct change_fleet_outcome *o)
{
    if (o->place.serial > 0) {
        text_adds(t, " place=");
        fleet_place_put(t, &o->place);
    }
    if (o->has_seen) {
        line_put_u64(t, "seen", o->seen);
        line_put_u64(t, "hosts", o->hosts);
    }
    if (o->pending)
        line_puts(t, "pending", "replaces");
}

void fleet_reply_put(const struct change *c, enum role role, int64_t now, struct text *t)
{
    bool shows_all = role == ROLE_ADMIN || c->by_self;

    reply_begin(t, STATUS_OK);
    text_adds(t, " id=");
    text_add_hex(t, c->after->digest, ID_SIZE);
    if (c->value_len > 0)
        line_put(t, "token", (struct slice){ c->value, c->value_len });
    if (shows_all)
        line_put_time(t, "created", c->after->created);
    if (c->kind == &change_delete)
        line_puts(t, "state", "deleted");
    else
        record_put_state(t, c->after, now);
    if (c->kind == &change_rotate) {
        text_adds(t, " replaces=");
        text_add_hex(t, c->found.digest, ID_SIZE);
    }
    if (shows_all) {
        record_put_claims(t, c->after);
        fleet_reply_outcome(t, &c->fleet_outcome);
    }
    reply_end(t, STATUS_OK, NULL);
}
