/* SPDX-License-Identifier: Apache-2.0 */
/* Run the daemon from start to stop: put the parts together, handle signals, reload.  The main
 * thread only. */
#ifndef JETON_DAEMON_DAEMON_H
#define JETON_DAEMON_DAEMON_H

#include "daemon/config/config_load.h"
#include "daemon/net/listen_fds.h"
#include "daemon/process/sd_notify.h"

/* What the process was started with. */
struct daemon_environment {
    struct config_source source;
    struct listen_fds inherited;
    struct sd_notify notify;
    bool threads_left; /* set at the end: some hang; what they use must not be freed */
};

/* Serve with the configuration that was loaded from `environment->source`, which SIGHUP loads
 * again, until SIGTERM or SIGINT.  True: it ended in good order.  False: *problem names why it
 * could not start. */
bool daemon_run(const struct config *c, struct daemon_environment *environment,
                struct problem *problem);

#endif
