/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/metrics.h"

#include <stdio.h>
#include <stdlib.h>

void metrics_init(struct metrics *m, size_t workers)
{
    m->workers = workers;
    atomic_init(&m->first, NULL);
}

static void series_free(struct series *m)
{
    free(m->part);
    free(m);
}

void metrics_free(struct metrics *m)
{
    struct series *next;

    for (struct series *at = atomic_load(&m->first); at != NULL; at = next) {
        next = at->next;
        series_free(at);
    }
    atomic_store(&m->first, NULL);
}

static struct series *series_new(size_t workers, const char *service, const char *verifier)
{
    struct series *m = calloc(1, sizeof(*m));
    size_t size = workers * sizeof(*m->part);

    if (m == NULL)
        return NULL;
    m->parts = workers;
    m->part = aligned_alloc(_Alignof(struct series_part), size);
    if (m->part == NULL) {
        series_free(m);
        return NULL;
    }
    memset(m->part, 0, size);
    snprintf(m->service, sizeof(m->service), "%s", service);
    snprintf(m->verifier, sizeof(m->verifier), "%s", verifier);
    return m;
}

struct series *metrics_get(struct metrics *m, const char *service, const char *verifier)
{
    struct series *first = atomic_load(&m->first);

    for (struct series *at = first; at != NULL; at = at->next)
        if (strcmp(at->service, service) == 0 && strcmp(at->verifier, verifier) == 0)
            return at;
    struct series *made = series_new(m->workers, service, verifier);
    if (made == NULL)
        return NULL;
    made->next = first;
    atomic_store(&m->first, made);
    return made;
}

void series_time(struct series *m, unsigned worker, uint64_t nanoseconds)
{
    series_add(&m->part[worker].timed, 1);
    series_add(&m->part[worker].nanoseconds, nanoseconds);
}

void series_latency(struct series *m, unsigned worker, uint64_t nanoseconds)
{
    histogram_add(&m->part[worker].latency, nanoseconds);
}

void metrics_latency(const struct metrics *all, struct histogram *sum)
{
    for (const struct series *m = atomic_load(&all->first); m != NULL; m = m->next)
        for (size_t i = 0; i < m->parts && m->verifier[0] == '\0'; i++)
            histogram_merge(sum, &m->part[i].latency);
}

static uint64_t value(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void series_read(const struct series *m, struct series_part *sum)
{
    *sum = (struct series_part){ 0 };
    for (size_t i = 0; i < m->parts; i++) {
        const struct series_part *part = &m->part[i];
        for (size_t c = 0; c < SERIES_COUNTS; c++)
            series_add(&sum->count[c], value(&part->count[c]));
        series_add(&sum->timed, value(&part->timed));
        series_add(&sum->nanoseconds, value(&part->nanoseconds));
    }
}
