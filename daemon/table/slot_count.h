/* SPDX-License-Identifier: Apache-2.0 */
/* How many slots a table has.  Up to SLOT_COUNT_POWERS it is a power of two, so that older libraries can
 * use the tables of small hosts; above, steps are fine, so that memory follows the tokens.  No state. */
#ifndef JETON_DAEMON_TABLE_SLOT_COUNT_H
#define JETON_DAEMON_TABLE_SLOT_COUNT_H

#include "proto/table.h"

enum { SLOT_COUNT_POWERS = 1 << 16, SLOT_COUNT_MAX = 1 << TABLE_BITS_MAX };

/* Return how many slots a table of so many tokens gets: at a start some more fit into it, after a growth
 * an eighth of them. */
uint32_t slot_count_at_start(uint64_t tokens);
uint32_t slot_count_after_growth(uint64_t tokens);

#endif
