/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulator asks as the database's owner, between phases: members, and what the truth is.  Waits for the
 * answers, and ends the program where there are none; connects for each question, as a database may have been ended
 * since the last. */
#ifndef JETON_TESTS_FLEET_OWNER_H
#define JETON_TESTS_FLEET_OWNER_H

#include "tests/fleet/host.h"

/* Make hosts 1 to `count` and the issuer members of the group. */
void owner_join(struct simulation *s, unsigned count);

/* Put so many active tokens of the group into the table of tokens, with these numbers, as if their changes had been
 * trimmed. */
void owner_fill(struct simulation *s, unsigned first, unsigned count);

/* Read the newest serial, 0 if there is none; -1: the database cannot be reached. */
int64_t owner_newest(struct simulation *s);

/* Compare each host's place and sum with the table of changes; return how many differ. */
unsigned owner_compare(struct simulation *s);

#endif
