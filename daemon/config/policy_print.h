/* SPDX-License-Identifier: Apache-2.0 */
/* Print policies as a configuration that says the same. */
#ifndef JETON_DAEMON_CONFIG_POLICY_PRINT_H
#define JETON_DAEMON_CONFIG_POLICY_PRINT_H

#include "daemon/config/policy.h"

/* Print to standard output the rules of [self], behind the other keys of that section, then all other
 * sections. */
void policies_print(const struct policies *p);

#endif
