/* SPDX-License-Identifier: Apache-2.0 */
/* Print a configuration as a file that says the same. */
#ifndef JETON_DAEMON_CONFIG_CONFIG_PRINT_H
#define JETON_DAEMON_CONFIG_CONFIG_PRINT_H

#include "daemon/config/config.h"

/* Print every key, those that have their defaults too, and all services to standard output. */
void config_print(const struct config *c);

#endif
