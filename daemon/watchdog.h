/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the daemon's threads, and tells the service manager.  The main thread only.
 *
 * It is told that all is well only while every worker answers, and it hears that from the main
 * thread: the two that must never wait.  Changes that wait for the disk are no reason to be
 * stopped, because verification goes on; but somebody should know. */
#ifndef JETON_DAEMON_WATCHDOG_H
#define JETON_DAEMON_WATCHDOG_H

#include "daemon/session/context.h"
#include "daemon/sd_notify.h"

struct watchdog {
    struct server *server;
    const struct sd_notify *notify;
    struct event *on_watchdog; /* NULL: nobody watches */
    bool waits_for_disk;       /* and it was said */
    uint64_t renewed;          /* the table's lease; clock_monotonic() */
};

/* False: no memory. */
bool watchdog_start(struct watchdog *v, struct server *server, const struct sd_notify *notify,
                    struct event_base *base);
void watchdog_end(struct watchdog *v);

/* Once a second. */
void watchdog_tick(struct watchdog *v);

/* The daemon answers, by the configuration it has. */
void watchdog_ready(const struct watchdog *v);

#endif
