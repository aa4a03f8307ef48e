/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the daemon's threads, and tells the service manager.  The main thread only.
 *
 * It is told that all is well only while every worker answers, and it hears that from the main
 * thread: the two that must never wait.  Changes that wait for the disk are no reason to be
 * stopped, because verification goes on; but somebody should know. */
#ifndef JETON_VIGIL_H
#define JETON_VIGIL_H

#include "daemon/session/context.h"
#include "daemon/sd_notify.h"

struct vigil {
    struct server *server;
    const struct notify *notify;
    struct event *on_watchdog;      /* NULL: nobody watches */
    bool waits_for_disk;            /* and it was said */
    uint64_t renewed;               /* the table's lease; clock_monotonic() */
};

/* False: no memory. */
bool vigil_start(struct vigil *v, struct server *server, const struct notify *notify,
                 struct event_base *base);
void vigil_end(struct vigil *v);

/* Once a second. */
void vigil_tick(struct vigil *v);

/* The daemon answers, by the configuration it has. */
void vigil_ready(const struct vigil *v);

#endif
