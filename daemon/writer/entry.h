/* SPDX-License-Identifier: Apache-2.0 */
/* A change as the journal shows it. */
#ifndef JETON_DAEMON_WRITER_ENTRY_H
#define JETON_DAEMON_WRITER_ENTRY_H

#include "daemon/writer/change.h"
#include "daemon/store/journal.h"

/* Adds the entry of a change that was decided; `claims` are those of its token, as
 * record_put_claims() words them.  False: it does not fit into the journal's block. */
bool entry_add(struct journal *j, const struct change *c, struct slice claims, int64_t now);

#endif
