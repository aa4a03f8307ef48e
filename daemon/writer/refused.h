/* SPDX-License-Identifier: Apache-2.0 */
/* Keep how often each token was refused, when and to whom last, in the file of last uses; and find
 * values that are presented although they were rotated away.  The writer's thread only.
 *
 * Once a second what verifying threads noted (table/refusals.h) is taken in, some thousand tokens at
 * most, without fsync: so a flood of refusals costs a bounded amount of writing, and nobody waits.
 * Coarse by contract: a kill may lose the last second. */
#ifndef JETON_DAEMON_WRITER_REFUSED_H
#define JETON_DAEMON_WRITER_REFUSED_H

#include "daemon/store/store.h"
#include "daemon/table/refusals.h"
#include "daemon/writer/last_used.h"

struct refused;

/* What is known of one token. */
struct refused_token {
    struct refusal refusal; /* .last 0: it was never refused */
    uint64_t reused;        /* presented after its rotation and its end; and when last */
    int64_t last_reused;
};

/* NULL: no memory.  Both must outlive it. */
struct refused *refused_new(struct refusals *refusals, struct last_used *file);
void refused_free(struct refused *r);

/* Take in what was noted, and report reuses: some of it; or, at the end, all. */
void refused_step(struct refused *r, struct store *store, int64_t now);
void refused_flush(struct refused *r, struct store *store, int64_t now);

/* Look a token up. */
void refused_get(struct refused *r, const uint8_t id[ID_SIZE], struct refused_token *token);

/* Forget a token that leaves the store. */
void refused_remove(struct refused *r, const uint8_t id[ID_SIZE]);

#endif
