/* SPDX-License-Identifier: Apache-2.0 */
/* Changes from root to the user that `[daemon] user` names.  The main thread only, before there are
 * others. */
#ifndef JETON_DAEMON_SANDBOX_PRIVILEGE_H
#define JETON_DAEMON_SANDBOX_PRIVILEGE_H

#include "daemon/config/resolve.h"

/* Prepares as root what the user will need: raises the limits of locked memory and priority, and
 * creates missing directories of the store and the sockets, owned by the user.  Existing
 * directories are not changed.  Does nothing if this process does not change its user.  False:
 * *problem. */
bool privilege_prepare(const struct config *c, const struct resolved *resolved,
                       struct problem *problem);

/* Changes to the user for good, and verifies that there is no way back.  Without `[daemon] user`,
 * logs a warning if this process is root.  False: *problem, also if this process is neither root
 * nor that user. */
bool privilege_drop(const struct config *c, const struct resolved *resolved,
                    struct problem *problem);

#endif
