/* SPDX-License-Identifier: Apache-2.0 */
/* Change from root to the user that `[daemon] user` names.  The main thread only, before there are
 * others. */
#ifndef JETON_DAEMON_SANDBOX_PRIVILEGE_H
#define JETON_DAEMON_SANDBOX_PRIVILEGE_H

#include "daemon/config/resolve.h"

/* Prepare as root what the user will need: raise the limits of locked memory and priority, and
 * create missing directories of the store and the sockets, owned by the user.  Existing directories
 * are not changed.  Do nothing if this process does not change its user.  False: *problem. */
bool privilege_prepare(const struct config *c, const struct resolved *resolved,
                       struct problem *problem);

/* Change to the user for good, and verify that there is no way back.  Without `[daemon] user`, log
 * a warning if this process is root.  False: *problem, also if this process is neither root nor
 * that user. */
bool privilege_drop(const struct config *c, const struct resolved *resolved,
                    struct problem *problem);

#endif
