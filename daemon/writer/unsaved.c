/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/unsaved.h"

#include <stdlib.h>

#include "daemon/base/journald.h"
#include "daemon/table/token_bans.h"
#include "daemon/writer/change_ban.h"
#include "daemon/writer/publish.h"

enum { DEDUP_MIN = 1024 };

static void append(struct unsaved_denials *list, struct unsaved_denial *d)
{
    d->mail.next = NULL;
    *(list->first == NULL ? &list->first : &list->last->next) = &d->mail;
    list->last = &d->mail;
    list->count++;
}

static struct unsaved_denial *pop(struct unsaved_denials *list)
{
    struct mail *mail = list->first;

    if (mail == NULL)
        return NULL;
    list->first = mail->next;
    list->count--;
    return (struct unsaved_denial *)mail;
}

static bool is_ban(const struct unsaved_denial *d)
{
    return d->kind == &change_ban;
}

/* Order bans behind all others, and by all that they say. */
static int compare_bans(const struct unsaved_denial *a, const struct unsaved_denial *b)
{
    return is_ban(a) && is_ban(b) ? memcmp(a->ban, b->ban, sizeof(a->ban[0])) :
                                    is_ban(a) - is_ban(b);
}

static int compare(const void *left, const void *right)
{
    const struct unsaved_denial *a = *(struct unsaved_denial *const *)left,
                                *b = *(struct unsaved_denial *const *)right;
    int ids = memcmp(a->id, b->id, ID_SIZE), bans = compare_bans(a, b);

    if (bans != 0)
        return bans;
    if (ids != 0 || a->kind->deny != b->kind->deny)
        return ids != 0 ? ids : (a->kind->deny > b->kind->deny) - (a->kind->deny < b->kind->deny);
    int parts = memcmp(a->signed_part, b->signed_part, DIGEST_SIZE);
    return parts != 0 ? parts : memcmp(a->sha256, b->sha256, DIGEST_SIZE);
}

/* Drop all but one of equal denials; their order is lost. */
static void remove_duplicates(struct unsaved_denials *list)
{
    size_t count = list->count;
    struct unsaved_denial **all = calloc(count, sizeof(struct unsaved_denial *));

    if (all == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        all[i] = pop(list);
    qsort(all, count, sizeof(struct unsaved_denial *), compare);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && compare(&all[i], &all[i + 1]) == 0)
            free(all[i]);
        else
            append(list, all[i]);
    }
    free(all);
}

static void report_unsaved(const struct unsaved_denial *d)
{
    const struct journald_entry r = {
        .kind = JOURNALD_DENIAL_UNSAVED,
        .id = d->id,
        .uid = d->uid,
        .pid = d->pid,
    };

    journald_report(&r, "store: a denial (%s) is in force but not saved: the disk refuses it",
                    d->kind->event);
}

/* Note what a ban denies; all bytes are set, as duplicates are found by comparing them. */
static void note_ban(struct unsaved_ban *ban, const struct change *c)
{
    memset(ban, 0, sizeof(*ban));
    ban->names = c->names;
    ban->digest_alg = c->want.digest_alg;
    memcpy(ban->name, c->name, c->names * sizeof(c->name[0]));
    ban->until = c->want.expires;
    ban->has_banned = (c->given & KEY_BIT(KEY_CREATED)) != 0;
    ban->banned = c->want.created;
}

static struct unsaved_denial *new_denial(const struct change *c)
{
    struct unsaved_denial *d = malloc(sizeof(*d) + (c->names > 0 ? sizeof(d->ban[0]) : 0));

    if (d == NULL)
        return NULL;
    *d =
        (struct unsaved_denial){ .kind = c->kind, .uid = c->uid, .pid = c->pid, .login = c->login };
    memcpy(d->id, c->names > 0 ? c->want.digest : c->id, ID_SIZE);
    d->has_signed = c->want.has_signed;
    if (d->has_signed)
        memcpy(d->signed_part, c->want.signed_part, DIGEST_SIZE);
    d->has_sha256 = c->has_sha256;
    if (d->has_sha256)
        memcpy(d->sha256, c->sha256, DIGEST_SIZE);
    if (c->names > 0)
        note_ban(d->ban, c);
    return d;
}

/* Deny it in the table, whatever the clock says. */
static void set_in_table(const struct unsaved_denial *d, struct token_table *token_table)
{
    if (is_ban(d))
        publish_ban(d->ban->name, d->ban->names, false, token_table);
    if (is_ban(d) && d->has_sha256)
        token_bans_deny(token_table, d->sha256, false);
    if (!is_ban(d))
        token_table_deny(token_table, d->id, d->kind->deny, NULL);
    if (!is_ban(d) && d->has_signed)
        publish_ban(&d->signed_part, 1, false, token_table);
}

void unsaved_add(struct unsaved_denials *list, const struct change *c,
                 struct token_table *token_table)
{
    struct unsaved_denial *d = new_denial(c);

    if (d == NULL)
        return;
    append(list, d);
    set_in_table(d, token_table);
    if (c->reply_to != NULL || c->of_many) /* not when it is tried again */
        report_unsaved(d);
    if (list->count < DEDUP_MIN || list->count < list->dedup_at)
        return;
    remove_duplicates(list);
    list->dedup_at = 2 * list->count;
}

static bool denies(const struct unsaved_denial *d, const struct record *r)
{
    if (!is_ban(d))
        return memcmp(d->id, r->digest, ID_SIZE) == 0 ||
               (d->has_signed && r->has_signed &&
                memcmp(d->signed_part, r->signed_part, DIGEST_SIZE) == 0);
    for (size_t i = 0; i < d->ban->names; i++)
        if (memcmp(d->ban->name[i], r->digest, DIGEST_SIZE) == 0 ||
            (r->has_signed && memcmp(d->ban->name[i], r->signed_part, DIGEST_SIZE) == 0))
            return true;
    return d->has_sha256 && memcmp(d->sha256, r->digest, DIGEST_SIZE) == 0;
}

bool unsaved_denies(const struct unsaved_denials *list, const struct record *r)
{
    const struct mail *m = list->first;

    while (m != NULL && !denies((const struct unsaved_denial *)m, r))
        m = m->next;
    return m != NULL;
}

bool unsaved_refuses(const struct unsaved_denials *list, struct change *c)
{
    const struct record *concerned = c->rotates ? &c->found : c->after;

    if (c->kind->deny != 0 || c->names > 0 || c->removes || !c->puts ||
        !unsaved_denies(list, concerned))
        return false;
    problem_set(&c->problem, STATUS_STORE,
                "a denial of this token is in force but not saved yet; "
                "other changes to it are refused until it is");
    return true;
}

bool unsaved_has_names(const struct unsaved_denials *list)
{
    const struct mail *m = list->first;

    for (; m != NULL; m = m->next) {
        const struct unsaved_denial *d = (const struct unsaved_denial *)m;
        if (is_ban(d) || d->has_signed)
            return true;
    }
    return false;
}

void unsaved_reapply(const struct unsaved_denials *list, struct token_table *token_table)
{
    for (const struct mail *m = list->first; m != NULL; m = m->next)
        set_in_table((const struct unsaved_denial *)m, token_table);
}

/* Make the change again.  NULL: no memory. */
static struct change *change_of(const struct unsaved_denial *d)
{
    struct change *c = change_new(d->kind);

    if (c == NULL)
        return NULL;
    c->uid = d->uid;
    c->pid = d->pid;
    c->login = d->login;
    memcpy(c->id, d->id, ID_SIZE);
    c->want.has_signed = d->has_signed;
    memcpy(c->want.signed_part, d->signed_part, DIGEST_SIZE);
    c->has_sha256 = d->has_sha256;
    memcpy(c->sha256, d->sha256, DIGEST_SIZE);
    if (!is_ban(d))
        return c;
    c->in_force = true;
    c->names = d->ban->names;
    memcpy(c->name, d->ban->name, sizeof(c->name));
    memcpy(c->want.digest, d->ban->name[0], DIGEST_SIZE);
    c->want.digest_alg = d->ban->digest_alg;
    c->want.expires = d->ban->until;
    c->want.created = d->ban->banned;
    c->given = d->ban->has_banned ? KEY_BIT(KEY_CREATED) : 0;
    return c;
}

size_t unsaved_take(struct unsaved_denials *list, struct mail_list *changes, size_t most)
{
    size_t taken = 0;

    for (; taken < most && list->first != NULL; taken++) {
        struct change *c = change_of((const struct unsaved_denial *)list->first);
        if (c == NULL)
            break;
        free(pop(list));
        mail_append(changes, &c->mail);
    }
    return taken;
}

void unsaved_clear(struct unsaved_denials *list)
{
    for (struct unsaved_denial *d; (d = pop(list)) != NULL;)
        free(d);
}
