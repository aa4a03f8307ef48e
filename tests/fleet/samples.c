/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fleet/samples.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/fleet/simulation.h"

void samples_init(struct samples *s, size_t most)
{
    s->count = 0;
    s->ms = calloc(most, sizeof(*s->ms));
    if (s->ms == NULL)
        die("samples", "no memory");
}

void samples_free(struct samples *s)
{
    free(s->ms);
}

void samples_add(struct samples *s, int64_t ns)
{
    s->ms[s->count++] = ns < 0 ? 0 : (double)ns / 1e6;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void samples_print(struct samples *s, const char *name)
{
    static const double shares[] = { 0.5, 0.99, 1 };
    static const char *const labels[] = { "p50", "p99", "max" };

    qsort(s->ms, s->count, sizeof(*s->ms), ascending);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]) && s->count > 0; i++) {
        size_t at = (size_t)(shares[i] * (double)(s->count - 1) + 0.5);
        printf(" %s_%s=%.2f", name, labels[i], s->ms[at]);
    }
    s->count = 0;
}
