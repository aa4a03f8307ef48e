/* SPDX-License-Identifier: Apache-2.0 */
/* A queue between threads: many post, one takes.  Mail is a link inside the object that
 * travels; who posts it gives it away, who takes it owns it. */
#ifndef JETON_DAEMON_BASE_MAILBOX_H
#define JETON_DAEMON_BASE_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct mail {
    struct mail *next;
    void (*on_delivery)(struct mail *mail); /* for mailbox_deliver(): what to do with it there */
};

/* Mail in order; an empty list is all zeros. */
struct mail_list {
    struct mail *first;
    struct mail *last;
};

struct mailbox {
    pthread_mutex_t mutex;
    struct mail_list list;
    struct mail_list arrived; /* taken to be delivered; the owner's */
    int wake;                 /* eventfd: readable while there may be mail */
};

/* 0 or -errno. */
int mailbox_init(struct mailbox *box);
void mailbox_destroy(struct mailbox *box);

/* Give one object, or a list in its order (which is left empty), to the owner of the box. */
void mailbox_post(struct mailbox *box, struct mail *mail);
void mailbox_post_list(struct mailbox *box, struct mail_list *list);

/* Everything that is there, oldest first; clears `wake`.  The owner's thread only. */
struct mail_list mailbox_take(struct mailbox *box);

/* Lets so many objects arrive, oldest first.  False: some of those that were there are left, and
 * `wake` stays readable for them.  The owner's thread only. */
bool mailbox_deliver(struct mailbox *box, size_t most);

/* Makes `wake` readable although there is no mail.  Any thread. */
void mailbox_wake(struct mailbox *box);

void mail_append(struct mail_list *list, struct mail *mail);
void mail_append_list(struct mail_list *list, struct mail_list *more);

/* The oldest, or NULL. */
struct mail *mail_pop(struct mail_list *list);

#endif
