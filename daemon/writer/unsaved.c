/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/unsaved.h"

#include <stdlib.h>

#include "daemon/base/journald.h"

enum { TIDY_MIN = 1024 };

static void append(struct unsaved_denials *held, struct unsaved_denial *d)
{
    d->mail.next = NULL;
    *(held->first == NULL ? &held->first : &held->last->next) = &d->mail;
    held->last = &d->mail;
    held->count++;
}

static struct unsaved_denial *pop(struct unsaved_denials *held)
{
    struct mail *mail = held->first;

    if (mail == NULL)
        return NULL;
    held->first = mail->next;
    held->count--;
    return (struct unsaved_denial *)mail;
}

static int compare(const void *left, const void *right)
{
    const struct unsaved_denial *a = *(struct unsaved_denial *const *)left,
                                *b = *(struct unsaved_denial *const *)right;
    int order = memcmp(a->id, b->id, ID_SIZE);

    return order != 0 ? order : (a->kind->deny > b->kind->deny) - (a->kind->deny < b->kind->deny);
}

/* Drops all but one of the same denials; their order is lost. */
static void tidy(struct unsaved_denials *held)
{
    size_t count = held->count;
    struct unsaved_denial **all = calloc(count, sizeof(struct unsaved_denial *));

    if (all == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        all[i] = pop(held);
    qsort(all, count, sizeof(struct unsaved_denial *), compare);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && compare(&all[i], &all[i + 1]) == 0)
            free(all[i]);
        else
            append(held, all[i]);
    }
    free(all);
}

static void tell(const struct change *c)
{
    const struct journald_entry r = {
        .kind = JOURNALD_DENIAL_UNSAVED,
        .id = c->id,
        .uid = c->uid,
        .pid = c->pid,
    };

    journald_report(&r, "a denial (%s) is in force but not saved: the disk refuses it",
                    c->kind->event);
}

void unsaved_hold(struct unsaved_denials *held, const struct change *c)
{
    struct unsaved_denial *d = malloc(sizeof(*d));

    if (d == NULL)
        return;
    *d = (struct unsaved_denial){ .kind = c->kind, .uid = c->uid, .pid = c->pid };
    memcpy(d->id, c->id, ID_SIZE);
    append(held, d);
    if (c->reply_to != NULL) /* not one that was tried again */
        tell(c);
    if (held->count < TIDY_MIN || held->count < held->tidy)
        return;
    tidy(held);
    held->tidy = 2 * held->count;
}

uint32_t unsaved_flags(const struct unsaved_denials *held, const uint8_t id[ID_SIZE])
{
    uint32_t flags = 0;

    for (const struct mail *m = held->first; m != NULL; m = m->next)
        if (memcmp(((const struct unsaved_denial *)m)->id, id, ID_SIZE) == 0)
            flags |= ((const struct unsaved_denial *)m)->kind->deny;
    return flags;
}

void unsaved_renew(const struct unsaved_denials *held, struct token_table *token_table)
{
    for (const struct mail *m = held->first; m != NULL; m = m->next) {
        const struct unsaved_denial *d = (const struct unsaved_denial *)m;
        token_table_deny(token_table, d->id, d->kind->deny, NULL);
    }
}

size_t unsaved_take(struct unsaved_denials *held, struct mail_list *changes, size_t most)
{
    size_t taken = 0;

    for (; taken < most && held->first != NULL; taken++) {
        struct change *c = change_new(((const struct unsaved_denial *)held->first)->kind);
        if (c == NULL)
            break;
        struct unsaved_denial *d = pop(held);
        c->uid = d->uid;
        c->pid = d->pid;
        memcpy(c->id, d->id, ID_SIZE);
        mail_append(changes, &c->mail);
        free(d);
    }
    return taken;
}

void unsaved_clear(struct unsaved_denials *held)
{
    for (struct unsaved_denial *d; (d = pop(held)) != NULL;)
        free(d);
}
