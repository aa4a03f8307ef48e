/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/publish.h"

#include "daemon/base/journald.h"
#include "daemon/table/token_bans.h"
#include "daemon/writer/change_apply.h"
#include "proto/stamp.h"

/* Return the change's pending denial, or NULL.  Only a disable needs one: nothing else that denies
 * can be allowed again. */
static struct pending_deny *pending_deny_of(struct change *c)
{
    return c->kind->deny == SLOT_DISABLED ? &c->pending_deny : NULL;
}

void publish_denial(struct change *c, struct token_table *token_table)
{
    if (c->in_force || c->withheld)
        return;
    if (c->kind->deny != 0)
        token_table_deny(token_table, c->id, c->kind->deny, pending_deny_of(c));
    for (size_t i = 0; i < c->names; i++)
        token_bans_deny(token_table, c->name[i], false);
    if (c->names > 0 && c->has_sha256)
        token_bans_deny(token_table, c->sha256, false);
}

bool publish_ban(const uint8_t name[][DIGEST_SIZE], size_t names, bool over,
                 struct token_table *token_table)
{
    bool put = !over && token_table_keeps_bans(token_table) &&
               token_table_reserve(token_table, names, 0) == 0;
    bool denied = true;

    for (size_t i = 0; i < names; i++)
        denied = token_bans_deny(token_table, name[i], put) && denied;
    return denied || over;
}

void publish_denial_end(struct change *c, struct token_table *token_table)
{
    if (pending_deny_of(c) != NULL)
        token_table_deny_end(token_table, pending_deny_of(c));
}

/* A ban takes the slot of the token that is removed, so that no reader finds neither. */
static void publish_bans(const struct change *c, struct token_table *token_table)
{
    for (size_t i = 0; i < c->bans; i++)
        token_bans_put(token_table, c->ban[i].digest);
}

/* Remove bans that are over, before the table gives a denial to the token that is put. */
static void publish_lapses(const struct change *c, struct token_table *token_table)
{
    for (size_t i = 0; i < c->lapses; i++)
        token_bans_remove(token_table, c->lapsed[i]);
}

void publish_change(const struct change *c, struct token_table *token_table,
                    struct creation_index *index, struct last_used *last_used)
{
    publish_lapses(c, token_table);
    if (c->is_new)
        creation_index_add(index, c->after->created, c->after->serial, c->after->digest,
                           c->after->by);
    /* Of one of the fleet's, what the cache has of it is published, which may be newer. */
    if (c->kind->allow && c->fleet_stage != CHANGE_SETTLED)
        token_table_allow(token_table, c->after->digest);
    if (c->puts)
        token_table_put(token_table, c->after);
    if (c->puts && c->used > 0 && last_used != NULL)
        last_used_note(last_used, token_table, c->after->digest, c->used);
    if (c->rotates)
        token_table_put(token_table, &c->found);
    publish_bans(c, token_table);
    if (!c->removes)
        return;
    token_table_remove(token_table, c->after->digest);
    token_bans_remove_alias(token_table, c->after);
    creation_index_remove(index, c->after->created, c->after->serial);
    if (last_used != NULL)
        last_used_remove(last_used, c->after->digest);
}

static void report(const struct change *c, const char *event, const uint8_t *digest,
                   uint64_t serial)
{
    const struct journald_entry r = {
        .kind = JOURNALD_CHANGE,
        .event = event,
        .id = digest,
        .uid = c->uid,
        .pid = c->pid,
        .has_login = c->login != PEERCRED_NO_LOGIN,
        .login = c->login,
        .serial = serial,
    };
    char id[ID_TEXT + 1];
    struct text t = text_in(id, sizeof(id) - 1);

    text_add_hex(&t, digest, ID_SIZE);
    id[t.len] = '\0';
    journald_report(&r, "%s %s by uid %u", event, id, (unsigned)c->uid);
}

static void report_expiring(const struct change *c)
{
    const struct journald_entry r = {
        .kind = JOURNALD_CHANGE,
        .event = change_event(c),
        .id = c->after->digest,
        .uid = c->uid,
        .pid = c->pid,
        .serial = c->serial,
        .expires = c->after->expires,
    };
    char buffer[ID_TEXT + STAMP_TEXT + 2];
    struct text id = text_in(buffer, sizeof(buffer));

    text_add_hex(&id, c->after->digest, ID_SIZE);
    text_addc(&id, '\0');
    stamp_write(&id, c->after->expires);
    text_addc(&id, '\0');
    journald_report(&r, "%s %s at %s", r.event, buffer, buffer + ID_TEXT + 1);
}

void publish_report(const struct change *c)
{
    if (c->kind->put != NULL) /* it is about no single token */
        return;
    if (c->announces) {
        report_expiring(c);
        return;
    }
    report(c, change_event(c), c->after->digest, c->serial);
    if (c->rotates && c->ends != NULL)
        report(c, c->ends, c->found.digest, c->serial + 1);
}

/* Post the answers for one worker together: if the first woke its thread alone, the client's next
 * request would come before the rest, and make a commit of its own. */
void publish_answers(struct mail_list *changes)
{
    struct mail_list together = { NULL, NULL };
    struct mailbox *to = NULL;

    for (struct mail *m; (m = mail_pop(changes)) != NULL;) {
        struct change *c = (struct change *)m;
        if (c->reply_to != to && to != NULL)
            mailbox_post_list(to, &together);
        to = c->reply_to;
        if (to != NULL)
            mail_append(&together, m);
        else
            change_free(c);
    }
    if (to != NULL)
        mailbox_post_list(to, &together);
}
