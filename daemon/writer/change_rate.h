/* SPDX-License-Identifier: Apache-2.0 */
/* Limit how many changes a user makes of his own tokens (ROLE_SELF): each has an entry in the journal,
 * which keeps a number of them, so that nobody can push out what others did.  The writer's thread
 * only. */
#ifndef JETON_DAEMON_WRITER_CHANGE_RATE_H
#define JETON_DAEMON_WRITER_CHANGE_RATE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/base/uid_table.h"

enum {
    CHANGE_RATE_BURST = 60,  /* changes at once */
    CHANGE_RATE_SECONDS = 6, /* then one in so many */
};

/* All zeros: nobody has made any. */
struct change_rates {
    struct uid_table uids;
    size_t count;
    size_t
        sweep_at; /* the count at which those that are as good as new are forgotten; 0: not yet set */
};

/* Count a change of this uid at a time of clock_seconds().  Return 0, or in how many seconds there may be
 * one. */
int64_t change_rate_take(struct change_rates *rates, uid_t uid, int64_t now);

void change_rate_free(struct change_rates *rates);

#endif
