/* SPDX-License-Identifier: Apache-2.0 */
/* A uid's places on the pool of a verifier that computes for long, on one worker: what is more waits
 * at the worker, and the connections behind it are not read from.  The worker's thread. */
#ifndef JETON_DAEMON_SESSION_POOL_PLACE_H
#define JETON_DAEMON_SESSION_POOL_PLACE_H

#include "daemon/session/uid_share.h"
#include "daemon/verify/thread_pool.h"

/* Those that wait for a place, in the order in which they came. */
TAILQ_HEAD(pending_list, pending_verify);

struct pool_place {
    struct pool_place *next; /* of the same uid */
    const struct thread_pool *pool;
    unsigned taken; /* jobs under way; it exists while there are any, or somebody waits */
    struct pending_list waiting;
};

/* Return the uid's places on the pool.  NULL: no memory. */
struct pool_place *pool_place_get(struct uid_share *share, const struct thread_pool *pool);

/* Free it, if it has become unused. */
void pool_place_put(struct uid_share *share, struct pool_place *place);

#endif
