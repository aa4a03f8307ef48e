/* SPDX-License-Identifier: Apache-2.0 */
/* A change as the journal shows it. */
#ifndef JETON_ENTRY_H
#define JETON_ENTRY_H

#include "daemon/change.h"
#include "daemon/journal.h"

/* Adds the entry of a change that was decided. */
void entry_add(struct journal *j, const struct change *c, int64_t now);

#endif
