/* SPDX-License-Identifier: Apache-2.0 */
/* What the connections of one uid have together on one worker: work is shared by uid, however many
 * connections a uid has.  The worker's thread. */
#ifndef JETON_DAEMON_SESSION_UID_SHARE_H
#define JETON_DAEMON_SESSION_UID_SHARE_H

#include <sys/queue.h>

#include "daemon/base/uid_table.h"

/* Sessions in the order in which they came. */
TAILQ_HEAD(session_list, session);

/* Classes of changes (context.h). */
enum { CLASS_OTHERS, CLASS_ADMINS, CLASSES };

struct uid_share {
    struct uid_entry entry;      /* first */
    unsigned sessions;           /* it exists while there are any */
    struct session_list due;     /* net/scheduler's, like the next one */
    TAILQ_ENTRY(uid_share) ring; /* of the uids that have sessions which are due */
    struct uid_wait {            /* likewise: for a slot of each class */
        struct session_list sessions;
        TAILQ_ENTRY(uid_share) ring; /* of the uids that have some */
    } wait[CLASSES];
    unsigned own_scans;        /* of tokens that are the uid's own (ROLE_SELF) */
    struct pool_place *places; /* pending_verify's: on pools, by pool */
};

TAILQ_HEAD(uid_share_ring, uid_share);

/* Initialise a share without sessions, which is in no table. */
void uid_share_init(struct uid_share *share);

/* Return the uid's share, to which one more session belongs.  NULL: no memory. */
struct uid_share *uid_share_join(struct uid_table *all, uid_t uid);

/* Count a session less, and free the share with the last one.  NULL is allowed. */
void uid_share_leave(struct uid_table *all, struct uid_share *share);

#endif
