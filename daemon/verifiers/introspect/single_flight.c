/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/introspect/single_flight.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct single_flight_group {
    pthread_mutex_t mutex;       /* protects all below, and every flight */
    pthread_cond_t changed;      /* a flight finished, or the last thread that waited for it left */
    struct single_flight *first; /* in flight: at most one for each thread */
};

struct single_flight_group *single_flight_new(void)
{
    struct single_flight_group *g = calloc(1, sizeof(*g));
    pthread_condattr_t monotonic;

    if (g == NULL)
        return NULL;
    pthread_mutex_init(&g->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&g->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return g;
}

void single_flight_free(struct single_flight_group *g)
{
    if (g == NULL)
        return;
    pthread_cond_destroy(&g->changed);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}

static enum single_flight_role wait_for(struct single_flight_group *g, struct single_flight *leader,
                                        int64_t deadline, struct result *r)
{
    struct timespec until = { .tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000 };
    int expired = 0;

    leader->waiting++;
    while (leader->result == NULL && expired == 0)
        expired = pthread_cond_timedwait(&g->changed, &g->mutex, &until);
    bool finished = leader->result != NULL;
    if (finished)
        *r = *leader->result;
    if (--leader->waiting == 0)
        pthread_cond_broadcast(&g->changed);
    return finished ? SINGLE_FLIGHT_SHARED : SINGLE_FLIGHT_TIMEOUT;
}

enum single_flight_role single_flight_join(struct single_flight_group *g,
                                           struct single_flight *flight,
                                           const uint8_t key[CACHE_KEY], int64_t deadline,
                                           struct result *r)
{
    enum single_flight_role role = SINGLE_FLIGHT_LEADER;

    pthread_mutex_lock(&g->mutex);
    struct single_flight *leader = g->first;
    while (leader != NULL && memcmp(leader->key, key, CACHE_KEY) != 0)
        leader = leader->next;
    if (leader != NULL) {
        role = wait_for(g, leader, deadline, r);
    } else {
        *flight = (struct single_flight){ .next = g->first };
        memcpy(flight->key, key, CACHE_KEY);
        g->first = flight;
    }
    pthread_mutex_unlock(&g->mutex);
    return role;
}

void single_flight_finish(struct single_flight_group *g, struct single_flight *flight,
                          const struct result *result)
{
    struct single_flight **at = &g->first;

    pthread_mutex_lock(&g->mutex);
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    flight->result = result;
    if (flight->waiting > 0)
        pthread_cond_broadcast(&g->changed);
    while (flight->waiting > 0) /* flight and result are on this thread's stack */
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}
