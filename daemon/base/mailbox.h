/* SPDX-License-Identifier: Apache-2.0 */
/* A queue between threads: many post, one takes.  A struct mail is a member of the object that is
 * passed; posting gives the object away, taking it makes the taker its owner. */
#ifndef JETON_DAEMON_BASE_MAILBOX_H
#define JETON_DAEMON_BASE_MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mail {
    struct mail *next;
    void (*on_delivery)(struct mail *mail); /* called by mailbox_deliver(), in the owner's thread */
};

/* A list of mail, oldest first; all zeros are an empty list. */
struct mail_list {
    struct mail *first;
    struct mail *last;
};

struct mailbox {
    pthread_mutex_t mutex;
    struct mail_list list;
    struct mail_list arrived; /* taken from `list`, to be delivered; the owner's thread only */
    int wake;                 /* eventfd: readable while there may be mail */
    _Atomic uint64_t wakes;   /* how often that was asked for: counted before it is made readable */
    uint64_t seen;            /* of these: was read; the owner's thread only */
};

/* Initialise an empty mailbox.  0 or -errno. */
int mailbox_init(struct mailbox *box);
void mailbox_destroy(struct mailbox *box);

/* Give one object, or a list of them (which is empty then), to the owner of the mailbox.  Any
 * thread. */
void mailbox_post(struct mailbox *box, struct mail *mail);
void mailbox_post_list(struct mailbox *box, struct mail_list *list);

/* Take all mail and clear `wake`.  The owner's thread only. */
struct mail_list mailbox_take(struct mailbox *box);

/* Call on_delivery() of at most so many objects, oldest first.  False: some are left, and `wake` is
 * readable for them.  The owner's thread only. */
bool mailbox_deliver(struct mailbox *box, size_t most);

/* Make `wake` readable without posting.  Any thread. */
void mailbox_wake(struct mailbox *box);

/* Append one object, or a list of them (which is empty then). */
void mail_append(struct mail_list *list, struct mail *mail);
void mail_append_list(struct mail_list *list, struct mail_list *more);

/* Remove the oldest object and return it; NULL: the list is empty. */
struct mail *mail_pop(struct mail_list *list);

#endif
