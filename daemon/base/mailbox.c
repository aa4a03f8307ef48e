/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *box)
{
    *box = (struct mailbox){ .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    if (box->wake < 0)
        return -errno;
    pthread_mutex_init(&box->mutex, NULL);
    return 0;
}

void mailbox_destroy(struct mailbox *box)
{
    pthread_mutex_destroy(&box->mutex);
    close(box->wake);
}

void mail_append(struct mail_list *list, struct mail *mail)
{
    struct mail_list one = { mail, mail };

    mail->next = NULL;
    mail_append_list(list, &one);
}

void mail_append_list(struct mail_list *list, struct mail_list *more)
{
    if (more->first == NULL)
        return;
    if (list->last != NULL)
        list->last->next = more->first;
    else
        list->first = more->first;
    list->last = more->last;
    *more = (struct mail_list){ NULL, NULL };
}

struct mail *mail_pop(struct mail_list *list)
{
    struct mail *mail = list->first;

    if (mail == NULL)
        return NULL;
    list->first = mail->next;
    if (list->first == NULL)
        list->last = NULL;
    mail->next = NULL;
    return mail;
}

void mailbox_post(struct mailbox *box, struct mail *mail)
{
    struct mail_list one = { NULL, NULL };

    mail_append(&one, mail);
    mailbox_post_list(box, &one);
}

void mailbox_post_list(struct mailbox *box, struct mail_list *list)
{
    if (list->first == NULL)
        return;
    pthread_mutex_lock(&box->mutex);
    bool was_empty = box->list.first == NULL;
    mail_append_list(&box->list, list);
    pthread_mutex_unlock(&box->mutex);
    if (was_empty)
        mailbox_wake(box);
}

void mailbox_wake(struct mailbox *box)
{
    const uint64_t one = 1;

    atomic_fetch_add(&box->wakes, 1);
    /* Fails only when the counter is full, and then `wake` is readable already. */
    if (write(box->wake, &one, sizeof(one)) < 0)
        return;
}

struct mail_list mailbox_take(struct mailbox *box)
{
    uint64_t posted;
    struct mail_list list;

    /* Clear before taking the list: a post in between wakes once too often, not too rarely.  The call is
     * left out where there is nothing to read, which a change would wait for. */
    if (atomic_load(&box->wakes) != box->seen && read(box->wake, &posted, sizeof(posted)) > 0)
        box->seen += posted;
    pthread_mutex_lock(&box->mutex);
    list = box->list;
    box->list = (struct mail_list){ NULL, NULL };
    pthread_mutex_unlock(&box->mutex);
    return list;
}

bool mailbox_deliver(struct mailbox *box, size_t most)
{
    struct mail *m;

    if (box->arrived.first == NULL)
        box->arrived = mailbox_take(box);
    for (size_t i = 0; i < most && (m = mail_pop(&box->arrived)) != NULL; i++)
        m->on_delivery(m);
    if (box->arrived.first == NULL)
        return true;
    mailbox_wake(box);
    return false;
}
