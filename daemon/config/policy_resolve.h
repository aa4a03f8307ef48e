/* SPDX-License-Identifier: Apache-2.0 */
/* Check the policies, and look up the users that they name.  One thread at a time, which may have to
 * wait for a name service. */
#ifndef JETON_DAEMON_CONFIG_POLICY_RESOLVE_H
#define JETON_DAEMON_CONFIG_POLICY_RESOLVE_H

#include "daemon/config/config.h"

/* Check all policies, and set the uids of the users in exempt_import.  What is wrong is added to
 * *faults, with its section and key. */
void policies_resolve(const struct config *c, uid_t exempt[POLICY_EXEMPT_MAX],
                      struct config_faults *faults);

/* Make a copy of the policies for whoever applies them, with these uids.  NULL: no memory. */
struct policies *policies_copy(const struct policies *p, const uid_t exempt[POLICY_EXEMPT_MAX]);

#endif
