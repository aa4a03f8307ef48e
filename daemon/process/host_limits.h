/* SPDX-License-Identifier: Apache-2.0 */
/* Fit the configuration to the host's CPUs and limit of open files.  The main thread only. */
#ifndef JETON_DAEMON_PROCESS_HOST_LIMITS_H
#define JETON_DAEMON_PROCESS_HOST_LIMITS_H

#include <stddef.h>

#include "daemon/config/config.h"

/* Return how many workers to start: as configured, or one for each CPU, at most four. */
size_t host_limits_workers(const struct config *c);

/* Raise the limit of open files as far as needed and allowed; return how many connections there are
 * descriptors for, at most as many as configured. */
uint64_t host_limits_connections(const struct config *c, size_t workers);

#endif
