/* SPDX-License-Identifier: Apache-2.0 */
/* Bans in the token table, and the other names of tokens.  Any thread; see token_table.h. */
#ifndef JETON_DAEMON_TABLE_TOKEN_BANS_H
#define JETON_DAEMON_TABLE_TOKEN_BANS_H

#include "daemon/table/token_table.h"

/* Add a ban, which must have been reserved, in the place of what has that digest; if bans are not
 * kept, do nothing. */
void token_bans_put(struct token_table *t, const uint8_t digest[DIGEST_SIZE]);

/* Likewise add one that was loaded: a token of that digest stays in its place, and is denied. */
void token_bans_load(struct token_table *t, const uint8_t digest[DIGEST_SIZE]);

/* Deny the token that has this digest, or this signed part.  If there is none and `put`, do as
 * token_bans_put() does.  False: a ban would be kept, and is not there. */
bool token_bans_deny(struct token_table *t, const uint8_t digest[DIGEST_SIZE], bool put);

void token_bans_remove(struct token_table *t, const uint8_t digest[DIGEST_SIZE]);

/* Find the id of the token that has this signed part; false: none has. */
bool token_bans_find_alias(struct token_table *t, const uint8_t signed_part[DIGEST_SIZE],
                           uint8_t id[ID_SIZE]);

/* Remove the other name of a token that was removed, unless it is banned or another token's. */
void token_bans_remove_alias(struct token_table *t, const struct record *removed);

#endif
