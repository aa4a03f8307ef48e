/* SPDX-License-Identifier: Apache-2.0 */
/* How users and groups are looked up on this host (nsswitch.conf(5)). */
#ifndef JETON_DAEMON_SANDBOX_NAME_SERVICE_H
#define JETON_DAEMON_SANDBOX_NAME_SERVICE_H

#include <stdbool.h>

/* True if a line of the file is for users or groups, and names a source that is asked through a
 * connection, or is not known here.  Pure. */
bool name_service_line_connects(const char *line);

/* True if this host has such a source for users or groups. */
bool name_service_connects(void);

#endif
