/* SPDX-License-Identifier: Apache-2.0 */
/* Read lines of a configuration file for libinih, which numbers none and cuts off what is too long.  No state. */
#ifndef JETON_PLUGIN_SERVICE_CONFIG_LINE_H
#define JETON_PLUGIN_SERVICE_CONFIG_LINE_H

#include <stdbool.h>
#include <stdio.h>

/* Read a line, of which `size` - 1 bytes are kept; all of it is consumed.  False: the file has ended.  *why is NULL, or
 * what is wrong with it: `too_long`, or a NUL. */
bool config_line_read(FILE *file, char *line, int size, const char *too_long, const char **why);

#endif
