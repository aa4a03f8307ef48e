/* SPDX-License-Identifier: Apache-2.0 */
/* Read a configuration file: INI, by libinih, with the line numbers that libinih does not give. */
#ifndef JETON_DAEMON_CONFIG_CONFIG_FILE_H
#define JETON_DAEMON_CONFIG_CONFIG_FILE_H

#include "daemon/config/config.h"

/* Read a whole file over what is in *c.  False: *faults got all that is wrong, with file and line,
 * and what would be allowed. */
bool config_file_read(struct config *c, const char *file, struct config_faults *faults);

#endif
