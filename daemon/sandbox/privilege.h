/* SPDX-License-Identifier: Apache-2.0 */
/* From root to the user that `[daemon] user` names.  The main thread only, before there
 * are others. */
#ifndef JETON_DAEMON_SANDBOX_PRIVILEGE_H
#define JETON_DAEMON_SANDBOX_PRIVILEGE_H

#include "daemon/config/resolve.h"

/* As root with a user to become: raises the limits of locked memory and of priority to what the daemon
 * needs as that user, and makes the directories of store and sockets that are missing, for that user.
 * What is there already is left as it is.  False: *problem says what failed. */
bool privilege_prepare(const struct config *c, const struct resolved *site,
                       struct problem *problem);

/* Gives up everything that root has, and makes sure of it.  Root without a user is warned of; who
 * is not root can only be that user already.  False: *problem says why this cannot be. */
bool privilege_drop(const struct config *c, const struct resolved *site, struct problem *problem);

#endif
