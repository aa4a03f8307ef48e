/* SPDX-License-Identifier: Apache-2.0 */
/* What a change does to bans: `ban` puts them, and whatever takes a denied token's record out of the
 * store leaves one in its place.  The writer's thread only, inside a transaction. */
#ifndef JETON_DAEMON_WRITER_CHANGE_BAN_H
#define JETON_DAEMON_WRITER_CHANGE_BAN_H

#include "daemon/writer/change.h"

/* Removes a ban whose time is over; purge.c asks for it. */
extern const struct change_kind change_ban, change_lapse;

/* Let the change put a ban of this digest (by enum digest_alg), or lengthen the one that is there; do nothing if that
 * lasts as long, and is of that digest, unless the change removes a token.  STATUS_OK, or STATUS_STORE. */
enum status change_ban_name(struct change *c, struct store *store,
                            const uint8_t digest[DIGEST_SIZE], uint8_t digest_alg, int64_t until,
                            int64_t now);

/* Ban a token's signed part, if it has one, or all its names, until its own end. */
enum status change_ban_signed(struct change *c, struct store *store, const struct record *r,
                              int64_t now);
enum status change_ban_token(struct change *c, struct store *store, const struct record *r,
                             int64_t now);

/* Note of a revoked token that its digest is one by SHA-256, if that was not said when it was imported:
 * the value is refused by it only where the record says so.  False: there is nothing to note. */
bool change_ban_learn_scheme(struct record *r, const struct record *want);

/* STATUS_BANNED if a name of the token to be imported is banned; STATUS_OK, or STATUS_STORE.  Let the
 * change remove a ban that is over. */
enum status change_ban_find(struct change *c, struct store *store, int64_t now);

/* Put or remove what the change says.  False: the transaction is spoilt. */
bool change_ban_put(const struct change *c, struct store *store);

#endif
