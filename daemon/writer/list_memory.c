/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/list_memory.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/uid_table.h"

enum {
    BYTES_IN_ALL = 64 << 20,
    SHARE = 5, /* a user has one in so many of the bytes that others leave */
};

struct user {
    struct uid_entry entry; /* first */
    size_t bytes;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct uid_table users; /* those who have memory */
static size_t bytes_in_all;

/* Return how much more a user who has so much may take, such that he then has no more than his share
 * of what is left. */
static size_t left_for(size_t bytes)
{
    size_t others = bytes_in_all - bytes, share = 0;

    if (others < BYTES_IN_ALL)
        share = (BYTES_IN_ALL - others) / SHARE;
    return share > bytes ? share - bytes : 0;
}

static struct user *find_or_add(uid_t uid)
{
    struct user *u = (struct user *)uid_table_find(&users, uid);

    if (u == NULL) {
        u = calloc(1, sizeof(*u));
        if (u != NULL)
            uid_table_add(&users, &u->entry, uid);
    }
    return u;
}

size_t list_memory_take(uid_t uid, size_t unit, size_t most, size_t least)
{
    size_t units = 0;

    pthread_mutex_lock(&mutex);
    struct user *u = find_or_add(uid);
    if (u != NULL) {
        units = left_for(u->bytes) / unit;
        units = units > least ? units : least;
        units = units < most ? units : most;
        u->bytes += units * unit;
        bytes_in_all += units * unit;
    }
    pthread_mutex_unlock(&mutex);
    return units;
}

void list_memory_give(uid_t uid, size_t bytes)
{
    pthread_mutex_lock(&mutex);
    struct user *u = (struct user *)uid_table_find(&users, uid);
    if (u != NULL) {
        u->bytes -= bytes;
        bytes_in_all -= bytes;
        if (u->bytes == 0) {
            uid_table_remove(&users, &u->entry);
            free(u);
        }
    }
    pthread_mutex_unlock(&mutex);
}
