/* SPDX-License-Identifier: Apache-2.0 */
/* Times that were measured, of which percentiles are printed. */
#ifndef JETON_TESTS_FLEET_SAMPLES_H
#define JETON_TESTS_FLEET_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
    double *ms;
    size_t count;
};

/* Make space for so many; ends the program if there is none. */
void samples_init(struct samples *s, size_t most);
void samples_free(struct samples *s);

/* Add a time in nanoseconds; one below 0 counts as 0: what was measured from came after it. */
void samples_add(struct samples *s, int64_t ns);

/* Print " NAME_p50=MS NAME_p99=MS NAME_max=MS", or nothing if there are none, and drop them. */
void samples_print(struct samples *s, const char *name);

#endif
