/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers by their first digits, out of the daemon's table.
 *
 * A token lies in the table near the slot that the first bits of its digest name, and an
 * identifier is the beginning of that digest; so a few slots are all there is to look at, however
 * many tokens there are.  The table is read, not mapped: then nothing about it can hurt. */
#ifndef JETON_PLUGIN_CLI_TABLE_LOOKUP_H
#define JETON_PLUGIN_CLI_TABLE_LOOKUP_H

#include "proto/limits.h"

enum { CLI_TABLE_LOOKUP_MIN = 6 }; /* digits that must be given */

/* Writes up to `max` identifiers that begin with these lower-case hex digits.  Returns how many,
 * or -1: this is no table, or it is just being replaced. */
int cli_columns_lookup_find(int fd, const char *digits, char (*id)[ID_TEXT + 1], int max);

#endif
