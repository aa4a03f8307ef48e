/* SPDX-License-Identifier: Apache-2.0 */
/* Give memory back to the kernel after the start, after a crowd of connections has left, or after many changes.  The
 * main thread only. */
#ifndef JETON_DAEMON_PROCESS_MEMORY_RETURN_H
#define JETON_DAEMON_PROCESS_MEMORY_RETURN_H

#include "daemon/session/context.h"

struct memory_return {
    uint64_t most;     /* connections since memory was given back last */
    uint64_t returned; /* the newest change at that time, for what changes take */
    uint64_t newest;   /* and a second ago */
    unsigned idle;     /* seconds without a change */
};

/* Give back what the start needed. */
void memory_return_begin(void);

/* Give unneeded memory back; call it once a second. */
void memory_return_tick(struct memory_return *m, const struct server *server);

#endif
