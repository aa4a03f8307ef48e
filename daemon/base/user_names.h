/* SPDX-License-Identifier: Apache-2.0 */
/* Find the names of users by uid, on threads of its own: a name service may hang.
 *
 * Those who ask for one uid at a time share a look-up, and what it found is used for some seconds.  So a
 * user causes no more of them than that, however often he asks, and a name that changes is found to have
 * changed soon.  There are two ways to ask: user_names_get() never waits, and is asked again when
 * something was found; a question is answered by mail, whoever has waited for USER_NAMES_PATIENCE gets no
 * name, and an old one never does.  Memory is bounded. */
#ifndef JETON_DAEMON_BASE_USER_NAMES_H
#define JETON_DAEMON_BASE_USER_NAMES_H

#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/mailbox.h"
#include "daemon/base/name_lookup.h"

enum {
    USER_NAMES_THREADS_MAX = 4,
    USER_NAMES_PATIENCE = 5,     /* seconds */
    USER_NAMES_MAX = 8192,       /* uids that are kept, or looked up, at once */
    USER_NAMES_OVERFLOW = 65534, /* who the kernel says is a uid that has no number here */
};

enum { USER_NAME_MAX = 64 }; /* bytes; a user with a longer name has none for user_names_get() */

enum user_name_found { USER_NAME_FOUND, USER_NAME_NONE, USER_NAME_PENDING };

struct user_names;
struct user_names_uid;

struct user_names_settings {
    unsigned threads;                /* 1 to USER_NAMES_THREADS_MAX */
    unsigned seconds;                /* that a name is used */
    unsigned none;                   /* ... and that there is none */
    void (*on_found)(void *context); /* called after each look-up, if not NULL */
    void *context;
};

/* A question, and its answer.  The asker's, until it is posted to user_names_ask(). */
struct user_question {
    struct mail mail; /* first */
    struct mailbox *reply_to;
    void *sender; /* for the thread of `reply_to` */
    uid_t uid;

    /* the answer */
    int error;     /* 0: there is a name; or as name_lookup_uid(), ETIMEDOUT, EBUSY: too many ask,
                * EPERM: the uid stands for others */
    int64_t until; /* clock_seconds(): ask again then */
    char name[NAME_LOOKUP_MAX + 1];

    /* while it waits */
    struct user_names_uid *waits_for; /* NULL: it is answered */
    int64_t since;
    TAILQ_ENTRY(user_question) link;
};

/* Start the threads.  NULL: no memory or threads. */
struct user_names *user_names_new(const struct user_names_settings *settings);

/* Look for the name that the user has now, or had a moment ago.  USER_NAME_PENDING: `on_found` will be
 * called.  Any thread. */
enum user_name_found user_names_get(struct user_names *n, uid_t uid, char name[USER_NAME_MAX + 1]);

/* Ask; the question comes back by mail to its `reply_to`.  Any thread. */
void user_names_ask(struct user_names *n, struct user_question *question);

/* Take a question back.  False: it was answered, and its mail is there or on its way. */
bool user_names_cancel(struct user_names *n, struct user_question *question);

/* Answer those who have waited for too long, and forget what is old.  Call about once a second; any
 * thread. */
void user_names_tick(struct user_names *n);

/* End the threads; all questions were answered or cancelled.  NULL is allowed.  False: a look-up hangs,
 * so that its thread goes on, and nothing is freed. */
bool user_names_free(struct user_names *n);

#endif
