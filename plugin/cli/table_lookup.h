/* SPDX-License-Identifier: Apache-2.0 */
/* Find identifiers by their first digits in the daemon's table.
 *
 * A token's slot is at or near its home slot, which the first bits of its digest give, and the
 * identifier is the beginning of the digest; so only a few slots must be read, however many tokens
 * there are.  On a host of a fleet the home slot is a hash of all the identifier, and every slot is read: some tens of
 * milliseconds for a million tokens.  The table is read by pread(), not mapped, so that nothing in it can do harm. */
#ifndef JETON_PLUGIN_CLI_TABLE_LOOKUP_H
#define JETON_PLUGIN_CLI_TABLE_LOOKUP_H

#include "proto/limits.h"

enum { CLI_TABLE_LOOKUP_MIN = 6 }; /* digits that must be given */

/* Write up to `max` identifiers that begin with these lower-case hex digits.  Return how many, or
 * -1 if this is no table, or if it was replaced meanwhile. */
int cli_table_lookup_find(int fd, const char *digits, char (*id)[ID_TEXT + 1], int max);

#endif
