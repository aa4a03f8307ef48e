/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon from start to stop: puts the parts together, handles signals, reloads.  The
 * main thread only. */
#ifndef JETON_DAEMON_DAEMON_H
#define JETON_DAEMON_DAEMON_H

#include "daemon/net/listen_fds.h"
#include "daemon/sd_notify.h"

/* Reads the configuration anew, as at start.  False: *problem says what is wrong. */
typedef bool service_configure(struct config *c, struct problem *problem);

/* What the process was started with. */
struct daemon_environment {
    struct listen_fds inherited;
    struct sd_notify notify;
};

/* Serves until SIGTERM or SIGINT.  True: it ended in good order.  False: *problem says why it could
 * not start. */
bool daemon_run(const struct config *c, service_configure *configure,
                struct daemon_environment *start, struct problem *problem);

#endif
