/* SPDX-License-Identifier: Apache-2.0 */
/* Check the paths that the configuration names against each other, and against who may reach them. */
#ifndef JETON_DAEMON_CONFIG_PATHS_H
#define JETON_DAEMON_CONFIG_PATHS_H

#include "daemon/config/config.h"

/* True if no socket before a role's path `at`, and not the store, has the same path.  False:
 * *problem. */
bool paths_check_unique(const struct config *c, enum role role, unsigned at,
                        struct problem *problem);

/* True unless every user of the host could connect to a role's path `at`: by its mode and those of
 * all directories above.  False: *problem. */
bool paths_check_closed(const struct config *c, enum role role, unsigned at,
                        struct problem *problem);

#endif
