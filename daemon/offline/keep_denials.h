/* SPDX-License-Identifier: Apache-2.0 */
/* Bring what one store denies into another, which takes its place.  Without the writer's thread:
 * the caller is the only one who has either store. */
#ifndef JETON_DAEMON_OFFLINE_KEEP_DENIALS_H
#define JETON_DAEMON_OFFLINE_KEEP_DENIALS_H

#include "daemon/writer/writer_state.h"

/* The store that is replaced, loaded by load_store(). */
struct replaced_store {
    struct store *store;
    struct journal *journal;
    struct token_table *token_table;
    struct creation_index index;
    bool same_history; /* the other one is an earlier state of it */
};

/* How many tokens the other store would have passed, or had not heard of. */
struct kept_denials {
    uint64_t revoked;
    uint64_t disabled;
    uint64_t ended;   /* expire as early as in the replaced store */
    uint64_t deleted; /* are not in it any more, and revoked now */
    uint64_t bans;    /* of credentials without a token, new or for longer */
};

/* Deny in the writer's store what the replaced one denies: a token that is revoked or disabled in
 * it, or has an earlier end, also if the writer's store has never heard of it; and a token that was
 * deleted or purged from it, as far as a ban, its journal or a common history shows that; and whatever
 * is banned in it.  The entries of
 * the journal are by this process and the user `by`.  False: *problem says why, and only some of it is
 * done. */
bool keep_denials(struct writer *w, struct replaced_store *replaced, uid_t by, int64_t now,
                  struct kept_denials *kept, struct problem *problem);

#endif
