/* SPDX-License-Identifier: Apache-2.0 */
/* Watch the daemon's threads and report to the service manager.  The main thread only.
 *
 * The main thread sends WATCHDOG=1 only while every worker answers: so it attests the threads that
 * must never wait.  Changes that wait for the disk are no reason to restart the daemon, because
 * verification goes on; they are logged and shown as its status. */
#ifndef JETON_DAEMON_PROCESS_WATCHDOG_H
#define JETON_DAEMON_PROCESS_WATCHDOG_H

#include "daemon/process/sd_notify.h"
#include "daemon/session/context.h"

struct watchdog {
    struct server *server;
    struct sd_notify *notify;
    struct event *on_watchdog; /* NULL: the service manager does not watch */
    bool waits_for_disk;       /* the last state that was reported */
    uint64_t renewed;          /* clock_monotonic() when the table's lease was renewed last */
};

/* Start to watch, if the service manager wants it.  False: no memory. */
bool watchdog_start(struct watchdog *w, struct server *server, struct sd_notify *notify,
                    struct event_base *base);
void watchdog_end(struct watchdog *w);

/* Check the lease and the writer, and send what the service manager did not take; call it once a
 * second, after renewing the lease. */
void watchdog_tick(struct watchdog *w);

/* Report that the daemon is ready: after a start, and after a reload whether or not it worked. */
void watchdog_ready(const struct watchdog *w);

#endif
