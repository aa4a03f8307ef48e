/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulator is told to do: one command a line, and one line of figures for each. */
#ifndef JETON_TESTS_FLEET_PHASES_H
#define JETON_TESTS_FLEET_PHASES_H

#include "tests/fleet/real.h"
#include "tests/fleet/simulation.h"

struct phases;

/* `real` may be NULL. */
struct phases *phases_new(struct simulation *s, struct real *real);
void phases_free(struct phases *p);

/* Run a command to its end, and print its figures; ends the program if it is none or if that fails. */
void phases_run(struct phases *p, const char *line);

#endif
