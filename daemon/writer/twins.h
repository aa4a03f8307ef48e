/* SPDX-License-Identifier: Apache-2.0 */
/* Find the token that has the signed part of a change: a compact JWS is one credential however it is
 * signed.  The table has those that were published, and here are those of the batch. */
#ifndef JETON_DAEMON_WRITER_TWINS_H
#define JETON_DAEMON_WRITER_TWINS_H

#include "daemon/table/token_table.h"
#include "daemon/writer/change.h"

/* All zeros: a batch in which nothing has a signed part. */
struct twins {
    const struct change *last;
};

/* Set has_twin, and the id, of a change that imports or bans, or denies by the signed part. */
void twins_find(const struct twins *twins, struct token_table *table, struct change *c);

/* Note an applied change of the batch, so that later ones find the token that it adds. */
void twins_note(struct twins *twins, struct change *c);

#endif
