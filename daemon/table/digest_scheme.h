/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that are known by the SHA-256 of their value.  While there are none, nobody pays for them:
 * the table has the layout without them, and a value is hashed once.  The first one makes the table
 * be replaced by one of the other layout, which it keeps until a restart that finds none. */
#ifndef JETON_DAEMON_TABLE_DIGEST_SCHEME_H
#define JETON_DAEMON_TABLE_DIGEST_SCHEME_H

#include "daemon/table/token_table.h"

/* Make the table one that may have such tokens; 0 or -errno. */
int digest_scheme_use_sha256(struct token_table *t);
bool digest_scheme_has_sha256(struct token_table *t);

/* Find the token that has this value's SHA-256.  Return its flags, and its digest; 0: there is none.
 * A verifying thread, by its reader number; takes no lock, unless the slot is being changed. */
uint32_t digest_scheme_look(struct token_table *t, unsigned reader, struct slice value,
                            uint8_t digest[DIGEST_SIZE]);

#endif
