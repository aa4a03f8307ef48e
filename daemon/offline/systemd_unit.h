/* SPDX-License-Identifier: Apache-2.0 */
/* Ask systemd what jetond.service allows.  Only before there are other threads. */
#ifndef JETON_DAEMON_OFFLINE_SYSTEMD_UNIT_H
#define JETON_DAEMON_OFFLINE_SYSTEMD_UNIT_H

#include <limits.h>
#include <stdbool.h>

/* True if the daemon that jetond.service starts may write in the directory of a file, or there is
 * no such unit.  False: the directory's name. */
bool systemd_unit_may_write(const char *file, char directory[PATH_MAX]);

#endif
