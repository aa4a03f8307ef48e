/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/unsaved.h"

#include <stdlib.h>

#include "daemon/base/journald.h"

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

static int compare(const void *left, const void *right)
{
    const struct unsaved_denial *a = *(struct unsaved_denial *const *)left,
                                *b = *(struct unsaved_denial *const *)right;
    int ids = memcmp(a->id, b->id, ID_SIZE);

    if (ids != 0 || a->kind->deny != b->kind->deny)
        return ids != 0 ? ids : (a->kind->deny > b->kind->deny) - (a->kind->deny < b->kind->deny);
    return memcmp(a->signed_part, b->signed_part, DIGEST_SIZE);
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

static void report_unsaved(const struct change *c)
{
    const struct journald_entry r = {
        .kind = JOURNALD_DENIAL_UNSAVED,
        .id = c->id,
        .uid = c->uid,
        .pid = c->pid,
    };

    journald_report(&r, "store: a denial (%s) is in force but not saved: the disk refuses it",
                    c->kind->event);
}

void unsaved_add(struct unsaved_denials *list, const struct change *c)
{
    struct unsaved_denial *d = malloc(sizeof(*d));

    if (d == NULL)
        return;
    *d = (struct unsaved_denial){ .kind = c->kind, .uid = c->uid, .pid = c->pid };
    memcpy(d->id, c->id, ID_SIZE);
    d->has_signed = c->want.has_signed;
    if (d->has_signed)
        memcpy(d->signed_part, c->want.signed_part, DIGEST_SIZE);
    append(list, d);
    if (c->reply_to != NULL) /* not when it is tried again */
        report_unsaved(c);
    if (list->count < DEDUP_MIN || list->count < list->dedup_at)
        return;
    remove_duplicates(list);
    list->dedup_at = 2 * list->count;
}

uint32_t unsaved_flags(const struct unsaved_denials *list, const uint8_t id[ID_SIZE])
{
    uint32_t flags = 0;

    for (const struct mail *m = list->first; m != NULL; m = m->next)
        if (memcmp(((const struct unsaved_denial *)m)->id, id, ID_SIZE) == 0)
            flags |= ((const struct unsaved_denial *)m)->kind->deny;
    return flags;
}

void unsaved_reapply(const struct unsaved_denials *list, struct token_table *token_table)
{
    for (const struct mail *m = list->first; m != NULL; m = m->next) {
        const struct unsaved_denial *d = (const struct unsaved_denial *)m;
        token_table_deny(token_table, d->id, d->kind->deny, NULL);
    }
}

size_t unsaved_take(struct unsaved_denials *list, struct mail_list *changes, size_t most)
{
    size_t taken = 0;

    for (; taken < most && list->first != NULL; taken++) {
        struct change *c = change_new(((const struct unsaved_denial *)list->first)->kind);
        if (c == NULL)
            break;
        struct unsaved_denial *d = pop(list);
        c->uid = d->uid;
        c->pid = d->pid;
        memcpy(c->id, d->id, ID_SIZE);
        c->want.has_signed = d->has_signed;
        memcpy(c->want.signed_part, d->signed_part, DIGEST_SIZE);
        mail_append(changes, &c->mail);
        free(d);
    }
    return taken;
}

void unsaved_clear(struct unsaved_denials *list)
{
    for (struct unsaved_denial *d; (d = pop(list)) != NULL;)
        free(d);
}
