/* SPDX-License-Identifier: Apache-2.0 */
/* Make the table ready for the first token that is known by its value's SHA-256
 * (daemon/table/digest_scheme.h): from then on it has the store's bans, too, because such a token may
 * have a value that is banned by its other digest.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCHEME_LOAD_H
#define JETON_DAEMON_WRITER_SCHEME_LOAD_H

#include "daemon/writer/writer_state.h"

/* True if a change waits for that. */
bool scheme_load_is_wanted(const struct writer *w);

/* Do it, if it is wanted, outside of a transaction: once, and at the cost of reading all bans. */
void scheme_load(struct writer *w);

/* Refuse a change that concerns such a token while that failed; true if it is refused. */
bool scheme_load_refuses(const struct writer *w, struct change *c);

#endif
