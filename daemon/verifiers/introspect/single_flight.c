/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/introspect/single_flight.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct flights {
    pthread_mutex_t mutex;  /* of all below, and of every flight */
    pthread_cond_t changed; /* one landed, or its last waiter left it */
    struct flight *first;   /* those that have not landed: no more than there are threads */
};

struct flights *single_flight_new(void)
{
    struct flights *f = calloc(1, sizeof(*f));
    pthread_condattr_t monotonic;

    if (f == NULL)
        return NULL;
    pthread_mutex_init(&f->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return f;
}

void single_flight_free(struct flights *f)
{
    if (f == NULL)
        return;
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

static enum single_flight_role wait_for(struct flights *f, struct flight *other, int64_t deadline,
                                        struct result *j)
{
    struct timespec until = { .tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000 };
    int late = 0;

    other->waiting++;
    while (other->result == NULL && late == 0)
        late = pthread_cond_timedwait(&f->changed, &f->mutex, &until);
    bool landed = other->result != NULL;
    if (landed)
        *j = *other->result;
    if (--other->waiting == 0)
        pthread_cond_broadcast(&f->changed);
    return landed ? SINGLE_FLIGHT_SHARED : SINGLE_FLIGHT_TIMEOUT;
}

enum single_flight_role single_flight_join(struct flights *f, struct flight *mine,
                                           const uint8_t key[CACHE_KEY], int64_t deadline,
                                           struct result *j)
{
    enum single_flight_role role = SINGLE_FLIGHT_LEADER;

    pthread_mutex_lock(&f->mutex);
    struct flight *other = f->first;
    while (other != NULL && memcmp(other->key, key, CACHE_KEY) != 0)
        other = other->next;
    if (other != NULL) {
        role = wait_for(f, other, deadline, j);
    } else {
        *mine = (struct flight){ .next = f->first };
        memcpy(mine->key, key, CACHE_KEY);
        f->first = mine;
    }
    pthread_mutex_unlock(&f->mutex);
    return role;
}

void single_flight_finish(struct flights *f, struct flight *mine, const struct result *result)
{
    struct flight **at = &f->first;

    pthread_mutex_lock(&f->mutex);
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
    mine->result = result;
    if (mine->waiting > 0)
        pthread_cond_broadcast(&f->changed);
    while (mine->waiting > 0) /* it and its result are on this thread's stack */
        pthread_cond_wait(&f->changed, &f->mutex);
    pthread_mutex_unlock(&f->mutex);
}
