/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/unsaved.h"

#include <stdlib.h>

#include "daemon/base/journald.h"

enum { TIDY_MIN = 1024 };

static void append(struct denials *held, struct denial *d)
{
    d->mail.next = NULL;
    *(held->first == NULL ? &held->first : &held->last->next) = &d->mail;
    held->last = &d->mail;
    held->count++;
}

static struct denial *pop(struct denials *held)
{
    struct mail *mail = held->first;

    if (mail == NULL)
        return NULL;
    held->first = mail->next;
    held->count--;
    return (struct denial *)mail;
}

static int compare(const void *left, const void *right)
{
    const struct denial *a = *(struct denial *const *)left, *b = *(struct denial *const *)right;
    int order = memcmp(a->id, b->id, ID_SIZE);

    return order != 0 ? order : (a->kind->deny > b->kind->deny) - (a->kind->deny < b->kind->deny);
}

/* Drops all but one of the same denials; their order is lost. */
static void tidy(struct denials *held)
{
    size_t count = held->count;
    struct denial **all = calloc(count, sizeof(struct denial *));

    if (all == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        all[i] = pop(held);
    qsort(all, count, sizeof(struct denial *), compare);
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
    const struct report r = {
        .kind = REPORT_DENIAL_UNSAVED, .id = c->id, .uid = c->uid, .pid = c->pid,
    };

    report(&r, "a denial (%s) is in force but not saved: the disk refuses it", c->kind->event);
}

void denial_hold(struct denials *held, const struct change *c)
{
    struct denial *d = malloc(sizeof(*d));

    if (d == NULL)
        return;
    *d = (struct denial){ .kind = c->kind, .uid = c->uid, .pid = c->pid };
    memcpy(d->id, c->id, ID_SIZE);
    append(held, d);
    if (c->home != NULL)            /* not one that was tried again */
        tell(c);
    if (held->count < TIDY_MIN || held->count < held->tidy)
        return;
    tidy(held);
    held->tidy = 2 * held->count;
}

uint32_t denial_flags(const struct denials *held, const uint8_t id[ID_SIZE])
{
    uint32_t flags = 0;

    for (const struct mail *m = held->first; m != NULL; m = m->next)
        if (memcmp(((const struct denial *)m)->id, id, ID_SIZE) == 0)
            flags |= ((const struct denial *)m)->kind->deny;
    return flags;
}

void denial_renew(const struct denials *held, struct publisher *publisher)
{
    for (const struct mail *m = held->first; m != NULL; m = m->next) {
        const struct denial *d = (const struct denial *)m;
        publish_deny(publisher, d->id, d->kind->deny, NULL);
    }
}

size_t denial_take(struct denials *held, struct mail_list *changes, size_t most)
{
    size_t taken = 0;

    for (; taken < most && held->first != NULL; taken++) {
        struct change *c = change_new(((const struct denial *)held->first)->kind);
        if (c == NULL)
            break;
        struct denial *d = pop(held);
        c->uid = d->uid;
        c->pid = d->pid;
        memcpy(c->id, d->id, ID_SIZE);
        mail_append(changes, &c->mail);
        free(d);
    }
    return taken;
}

void denial_clear(struct denials *held)
{
    for (struct denial *d; (d = pop(held)) != NULL;)
        free(d);
}
