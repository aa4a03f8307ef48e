/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon from start to stop: puts the parts together, handles signals, reloads.  The
 * main thread only. */
#ifndef JETON_SERVICE_H
#define JETON_SERVICE_H

#include "daemon/net/listen_fds.h"
#include "daemon/sd_notify.h"

/* Reads the configuration anew, as at start.  False: *problem says what is wrong. */
typedef bool service_configure(struct config *c, struct problem *problem);

/* What the process was started with. */
struct service_start {
    struct inherited inherited;
    struct notify notify;
};

/* Serves until SIGTERM or SIGINT.  True: it ended in good order.  False: *problem says why it could
 * not start. */
bool service_run(const struct config *c, service_configure *configure, struct service_start *start,
                 struct problem *problem);

#endif
