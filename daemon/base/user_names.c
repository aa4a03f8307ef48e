/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/user_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/thread.h"
#include "daemon/base/timed_wait.h"
#include "daemon/base/uid_table.h"

enum { END_MILLISECONDS = 1000 }; /* to wait for threads to end */

TAILQ_HEAD(question_list, user_question);

enum stage { QUEUED, RUNNING, KNOWN };

struct user_names_uid {
    struct uid_entry entry; /* first */
    enum stage stage;
    bool known; /* the rest is what was found, maybe long ago */
    int error;
    int64_t until; /* KNOWN: clock_seconds() */
    char name[NAME_LOOKUP_MAX + 1];
    struct question_list waiting;
    TAILQ_ENTRY(user_names_uid) queue;
};

struct user_names {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a uid was queued, a thread has ended, or `stopping` */
    struct uid_table uids;
    size_t count;
    TAILQ_HEAD(, user_names_uid) queue;
    struct user_names_settings settings;
    pthread_t thread[USER_NAMES_THREADS_MAX];
    unsigned threads; /* that were started */
    unsigned ended;   /* ... and have ended */
    bool stopping;
};

static void *run(void *user_names);

struct user_names *user_names_new(const struct user_names_settings *settings)
{
    struct user_names *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return NULL;
    n->settings = *settings;
    pthread_mutex_init(&n->mutex, NULL);
    timed_wait_init(&n->changed);
    TAILQ_INIT(&n->queue);
    while (n->threads < settings->threads &&
           pthread_create(&n->thread[n->threads], NULL, run, n) == 0)
        n->threads++;
    if (n->threads > 0)
        return n;
    user_names_free(n);
    return NULL;
}

/* -- answers ----------------------------------------------------------------------------------- */

/* Send the answer; the mutex is locked, so that nobody takes the question back meanwhile. */
static void answer(struct user_question *q, int error, const char *name, int64_t until)
{
    q->waits_for = NULL;
    q->error = error;
    q->until = until;
    strcpy(q->name, error == 0 ? name : "");
    mailbox_post(q->reply_to, &q->mail);
}

static void stop_waiting(struct user_question *q)
{
    TAILQ_REMOVE(&q->waits_for->waiting, q, link);
    q->waits_for = NULL;
}

static void forget(struct user_names *n, struct user_names_uid *u)
{
    if (u->stage == QUEUED)
        TAILQ_REMOVE(&n->queue, u, queue);
    uid_table_remove(&n->uids, &u->entry);
    n->count--;
    free(u);
}

/* Forget all names that are known: somebody asks for a great many. */
static void forget_known(struct user_names *n)
{
    struct uid_entry *e = uid_table_next(&n->uids, NULL);

    while (e != NULL) {
        struct user_names_uid *u = (struct user_names_uid *)e;
        e = uid_table_next(&n->uids, e);
        if (u->stage == KNOWN)
            forget(n, u);
    }
}

static void queue(struct user_names *n, struct user_names_uid *u)
{
    u->stage = QUEUED;
    TAILQ_INSERT_TAIL(&n->queue, u, queue);
    pthread_cond_broadcast(&n->changed);
}

/* Find a uid, or begin to look its name up.  NULL: there are too many. */
static struct user_names_uid *find(struct user_names *n, uid_t uid, int64_t now)
{
    struct user_names_uid *u = (struct user_names_uid *)uid_table_find(&n->uids, uid);

    if (u != NULL && u->stage == KNOWN && u->until <= now)
        queue(n, u);
    if (u == NULL && n->count >= USER_NAMES_MAX)
        forget_known(n);
    if (u != NULL || n->count >= USER_NAMES_MAX || (u = calloc(1, sizeof(*u))) == NULL)
        return u;
    TAILQ_INIT(&u->waiting);
    uid_table_add(&n->uids, &u->entry, uid);
    n->count++;
    queue(n, u);
    return u;
}

enum user_name_found user_names_get(struct user_names *n, uid_t uid, char name[USER_NAME_MAX + 1])
{
    enum user_name_found found = USER_NAME_NONE;

    pthread_mutex_lock(&n->mutex);
    const struct user_names_uid *u = find(n, uid, clock_seconds());
    if (u == NULL || !u->known)
        found = USER_NAME_PENDING; /* NULL: ask again when one of those that wait is found */
    else if (u->error == 0 && strlen(u->name) <= USER_NAME_MAX)
        found = USER_NAME_FOUND;
    if (found == USER_NAME_FOUND)
        memcpy(name, u->name, strlen(u->name) + 1);
    pthread_mutex_unlock(&n->mutex);
    return found;
}

void user_names_ask(struct user_names *n, struct user_question *q)
{
    int64_t now = clock_seconds();

    pthread_mutex_lock(&n->mutex);
    struct user_names_uid *u = NULL;
    bool is_one = q->uid != USER_NAMES_OVERFLOW && q->uid != (uid_t)-1;
    if (is_one)
        u = find(n, q->uid, now);
    if (u == NULL) {
        answer(q, is_one ? EBUSY : EPERM, "", now + 1);
    } else if (u->stage == KNOWN) {
        answer(q, u->error, u->name, u->until);
    } else {
        q->waits_for = u;
        q->since = now;
        TAILQ_INSERT_TAIL(&u->waiting, q, link);
    }
    pthread_mutex_unlock(&n->mutex);
}

bool user_names_cancel(struct user_names *n, struct user_question *q)
{
    pthread_mutex_lock(&n->mutex);
    struct user_names_uid *u = q->waits_for;
    if (u != NULL) {
        stop_waiting(q);
        if (u->stage == QUEUED && TAILQ_EMPTY(&u->waiting))
            forget(n, u); /* nobody wants to know */
    }
    pthread_mutex_unlock(&n->mutex);
    return u != NULL;
}

/* Answer who has waited for too long; they are in the order in which they came. */
static void give_up(struct user_names_uid *u, int64_t now)
{
    struct user_question *q;

    while ((q = TAILQ_FIRST(&u->waiting)) != NULL && now - q->since >= USER_NAMES_PATIENCE) {
        stop_waiting(q);
        answer(q, ETIMEDOUT, "", now + 1);
    }
}

void user_names_tick(struct user_names *n)
{
    int64_t now = clock_seconds();

    pthread_mutex_lock(&n->mutex);
    struct uid_entry *e = uid_table_next(&n->uids, NULL);
    while (e != NULL) {
        struct user_names_uid *u = (struct user_names_uid *)e;
        e = uid_table_next(&n->uids, e);
        give_up(u, now);
        bool old = u->stage == KNOWN ? u->until <= now : u->stage == QUEUED;
        if (old && TAILQ_EMPTY(&u->waiting))
            forget(n, u);
    }
    pthread_mutex_unlock(&n->mutex);
}

/* -- the threads ------------------------------------------------------------------------------- */

/* Look one name up; the mutex is locked before and after. */
static void look_up(struct user_names *n, struct user_names_uid *u)
{
    struct user_question *q;

    TAILQ_REMOVE(&n->queue, u, queue);
    u->stage = RUNNING;
    pthread_mutex_unlock(&n->mutex);
    char name[NAME_LOOKUP_MAX + 1];
    int error = name_lookup_uid(u->entry.uid, name);
    pthread_mutex_lock(&n->mutex);
    u->error = error;
    strcpy(u->name, error == 0 ? name : "");
    u->until = clock_seconds() + (error == 0 ? n->settings.seconds : n->settings.none);
    u->stage = KNOWN;
    u->known = true;
    while ((q = TAILQ_FIRST(&u->waiting)) != NULL) {
        stop_waiting(q);
        answer(q, u->error, u->name, u->until);
    }
    if (n->settings.on_found != NULL && !n->stopping)
        n->settings.on_found(n->settings.context); /* locked: it is not called after the end */
}

static void *run(void *user_names)
{
    struct user_names *n = user_names;

    thread_begin();
    pthread_mutex_lock(&n->mutex);
    while (!n->stopping) {
        struct user_names_uid *u = TAILQ_FIRST(&n->queue);
        if (u != NULL)
            look_up(n, u);
        else
            pthread_cond_wait(&n->changed, &n->mutex);
    }
    n->ended++;
    pthread_cond_broadcast(&n->changed);
    pthread_mutex_unlock(&n->mutex);
    return NULL;
}

/* Wait until all threads have ended; the mutex is locked. */
static bool wait_for_threads(struct user_names *n)
{
    struct timespec until = timed_wait_until(END_MILLISECONDS);

    while (n->ended < n->threads)
        if (pthread_cond_timedwait(&n->changed, &n->mutex, &until) != 0)
            break;
    return n->ended == n->threads;
}

bool user_names_free(struct user_names *n)
{
    struct uid_entry *e;

    if (n == NULL)
        return true;
    pthread_mutex_lock(&n->mutex);
    n->stopping = true;
    pthread_cond_broadcast(&n->changed);
    bool ended = wait_for_threads(n);
    while (ended && (e = uid_table_next(&n->uids, NULL)) != NULL)
        forget(n, (struct user_names_uid *)e);
    pthread_mutex_unlock(&n->mutex);
    for (unsigned i = 0; i < n->threads; i++)
        if (ended)
            pthread_join(n->thread[i], NULL);
        else
            pthread_detach(n->thread[i]);
    if (!ended)
        return false;
    pthread_cond_destroy(&n->changed);
    pthread_mutex_destroy(&n->mutex);
    free(n);
    return true;
}
