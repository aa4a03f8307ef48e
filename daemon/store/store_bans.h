/* SPDX-License-Identifier: Apache-2.0 */
/* Store bans, in the same file and transactions as the tokens.  The writer's thread only. */
#ifndef JETON_DAEMON_STORE_STORE_BANS_H
#define JETON_DAEMON_STORE_STORE_BANS_H

#include "daemon/store/ban.h"
#include "daemon/store/store.h"

/* Add or replace a ban, or remove one, in a transaction.  False: the transaction is spoilt. */
bool store_put_ban(struct store *s, const struct ban *ban);
bool store_remove_ban(struct store *s, const uint8_t digest[DIGEST_SIZE]);

/* Read a ban; in a transaction, as that has written it. */
enum store_found store_get_ban(struct store *s, const uint8_t digest[DIGEST_SIZE], struct ban *ban);

/* Where a walk over all bans is; all zeros: at the beginning. */
struct store_place {
    uint32_t chain; /* of the file's hash table, which a ban does not leave */
    bool within;    /* of that chain, the bans up to `last` were visited */
    uint8_t last[DIGEST_SIZE];
};

/* Give bans to `visit`, outside of a transaction: in the order of the file's hash chains, and of their
 * digests in each.  It looks at about `records` records, bans or not, and at whole chains, or ends
 * when `visit` returns false: that ban is the next one then.  STORE_FOUND: there may be more;
 * STORE_ABSENT: there are none; STORE_FAILED: the file cannot be read, or *problem says which ban
 * cannot.  What is there during the whole walk is visited once, whatever is changed between two
 * calls. */
enum store_found store_walk_bans(struct store *s, struct store_place *place, size_t records,
                                 bool (*visit)(void *context, const struct ban *ban), void *context,
                                 struct problem *problem);

#endif
