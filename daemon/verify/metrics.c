/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/metrics.h"

#include <stdio.h>
#include <stdlib.h>

void meters_init(struct meters *m, size_t lanes)
{
    m->lanes = lanes;
    atomic_init(&m->first, NULL);
}

static void meter_free(struct meter *m)
{
    free(m->part);
    free(m);
}

void meters_free(struct meters *m)
{
    struct meter *next;

    for (struct meter *at = atomic_load(&m->first); at != NULL; at = next) {
        next = at->next;
        meter_free(at);
    }
    atomic_store(&m->first, NULL);
}

static struct meter *meter_new(size_t lanes, const char *service, const char *verifier)
{
    struct meter *m = calloc(1, sizeof(*m));
    size_t size = lanes * sizeof(*m->part);

    if (m == NULL)
        return NULL;
    m->parts = lanes;
    m->part = aligned_alloc(_Alignof(struct meter_part), size);
    if (m->part == NULL) {
        meter_free(m);
        return NULL;
    }
    memset(m->part, 0, size);
    snprintf(m->service, sizeof(m->service), "%s", service);
    snprintf(m->verifier, sizeof(m->verifier), "%s", verifier);
    return m;
}

struct meter *meters_get(struct meters *m, const char *service, const char *verifier)
{
    struct meter *first = atomic_load(&m->first);

    for (struct meter *at = first; at != NULL; at = at->next)
        if (strcmp(at->service, service) == 0 && strcmp(at->verifier, verifier) == 0)
            return at;
    struct meter *made = meter_new(m->lanes, service, verifier);
    if (made == NULL)
        return NULL;
    made->next = first;
    atomic_store(&m->first, made);
    return made;
}

void meter_time(struct meter *m, unsigned lane, uint64_t nanoseconds)
{
    meter_add(&m->part[lane].timed, 1);
    meter_add(&m->part[lane].nanoseconds, nanoseconds);
}

void meter_latency(struct meter *m, unsigned lane, uint64_t nanoseconds)
{
    histogram_add(&m->part[lane].latency, nanoseconds);
}

void meters_latency(const struct meters *all, struct histogram *sum)
{
    for (const struct meter *m = atomic_load(&all->first); m != NULL; m = m->next)
        for (size_t i = 0; i < m->parts && m->verifier[0] == '\0'; i++)
            histogram_merge(sum, &m->part[i].latency);
}

static uint64_t value(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void meter_read(const struct meter *m, struct meter_part *sum)
{
    *sum = (struct meter_part){ 0 };
    for (size_t i = 0; i < m->parts; i++) {
        const struct meter_part *part = &m->part[i];
        for (size_t c = 0; c < METER_COUNTS; c++)
            meter_add(&sum->count[c], value(&part->count[c]));
        meter_add(&sum->timed, value(&part->timed));
        meter_add(&sum->nanoseconds, value(&part->nanoseconds));
    }
}
