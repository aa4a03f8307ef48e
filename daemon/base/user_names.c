/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/user_names.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/base/name_lookup.h"
#include "daemon/base/thread.h"
#include "proto/text.h"

enum {
    SETS = 256,
    WAYS = 4,
    QUEUE = 64, /* look-ups that wait */
    FOUND_SECONDS = 300,
    NONE_SECONDS = 30, /* the name service may answer again, or the user be made */
    END_SECONDS = 1,   /* for a look-up that is under way at the end */
};

struct entry {
    bool used;
    uid_t uid;
    bool pending;
    int64_t until;
    char name[USER_NAME_MAX + 1]; /* "": none */
};

struct user_names {
    pthread_mutex_t mutex;
    pthread_cond_t work; /* something was queued, or it is to end */
    pthread_t thread;
    void (*on_found)(void *context);
    void *context;
    bool ending;
    uid_t queue[QUEUE]; /* a ring */
    unsigned first;
    unsigned count;
    struct entry entry[SETS][WAYS];
};

static struct entry *find(struct user_names *n, uid_t uid)
{
    struct entry *set = n->entry[uid % SETS];

    for (int i = 0; i < WAYS; i++)
        if (set[i].used && set[i].uid == uid)
            return &set[i];
    return NULL;
}

/* Return the place of a uid that has none: a free one, or the one that ends first and is not
 * pending.  NULL: all are pending. */
static struct entry *place(struct user_names *n, uid_t uid)
{
    struct entry *set = n->entry[uid % SETS], *best = NULL;

    for (int i = 0; i < WAYS; i++) {
        if (!set[i].used)
            return &set[i];
        if (!set[i].pending && (best == NULL || set[i].until < best->until))
            best = &set[i];
    }
    return best;
}

/* Queue a look-up.  A name that was known stays so until there is an answer. */
static bool queue(struct user_names *n, struct entry *entry, uid_t uid)
{
    if (entry == NULL || n->count == QUEUE)
        return false;
    if (!entry->used || entry->uid != uid)
        *entry = (struct entry){ .used = true, .uid = uid };
    entry->pending = true;
    n->queue[(n->first + n->count++) % QUEUE] = uid;
    pthread_cond_signal(&n->work);
    return true;
}

enum user_name_found user_names_get(struct user_names *n, uid_t uid, char name[USER_NAME_MAX + 1])
{
    enum user_name_found found = USER_NAME_NONE;
    int64_t now = clock_seconds();

    pthread_mutex_lock(&n->mutex);
    struct entry *entry = find(n, uid);
    bool known = entry != NULL && entry->until > 0;
    if (entry == NULL || (!entry->pending && entry->until <= now)) {
        struct entry *at = entry != NULL ? entry : place(n, uid);
        if (queue(n, at, uid))
            entry = at;
    }
    if (entry == NULL || (entry->pending && !known))
        found = USER_NAME_PENDING; /* NULL: ask again when one of those that wait is found */
    else if (entry->name[0] != '\0')
        found = USER_NAME_FOUND;
    if (found == USER_NAME_FOUND)
        memcpy(name, entry->name, sizeof(entry->name));
    pthread_mutex_unlock(&n->mutex);
    return found;
}

/* -- the thread ------------------------------------------------------------------------------ */

static void keep(struct user_names *n, uid_t uid, const char *name)
{
    struct entry *entry = find(n, uid);

    if (entry == NULL)
        return;
    entry->pending = false;
    entry->until = clock_seconds() + (name[0] != '\0' ? FOUND_SECONDS : NONE_SECONDS);
    memcpy(entry->name, name, strlen(name) + 1);
}

static void *run(void *names)
{
    struct user_names *n = names;
    char name[USER_NAME_MAX + 1];

    thread_begin();
    pthread_mutex_lock(&n->mutex);
    while (!n->ending) {
        if (n->count == 0) {
            pthread_cond_wait(&n->work, &n->mutex);
            continue;
        }
        uid_t uid = n->queue[n->first];
        pthread_mutex_unlock(&n->mutex);
        if (!name_lookup_uid(uid, name, sizeof(name)) || !utf8_valid(slice_of(name)))
            name[0] = '\0';
        pthread_mutex_lock(&n->mutex);
        n->first = (n->first + 1) % QUEUE;
        n->count--;
        keep(n, uid, name);
        if (!n->ending)
            n->on_found(
                n->context); /* with the mutex held, so that it is not called after the end */
    }
    pthread_mutex_unlock(&n->mutex);
    return NULL;
}

struct user_names *user_names_new(void (*on_found)(void *context), void *context)
{
    struct user_names *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return NULL;
    n->on_found = on_found;
    n->context = context;
    pthread_mutex_init(&n->mutex, NULL);
    pthread_cond_init(&n->work, NULL);
    if (pthread_create(&n->thread, NULL, run, n) == 0)
        return n;
    pthread_cond_destroy(&n->work);
    pthread_mutex_destroy(&n->mutex);
    free(n);
    return NULL;
}

bool user_names_free(struct user_names *n)
{
    struct timespec by;

    if (n == NULL)
        return true;
    pthread_mutex_lock(&n->mutex);
    n->ending = true;
    pthread_cond_signal(&n->work);
    pthread_mutex_unlock(&n->mutex);
    clock_gettime(CLOCK_REALTIME, &by);
    by.tv_sec += END_SECONDS;
    if (pthread_timedjoin_np(n->thread, NULL, &by) != 0) {
        pthread_detach(n->thread);
        return false;
    }
    pthread_cond_destroy(&n->work);
    pthread_mutex_destroy(&n->mutex);
    free(n);
    return true;
}
