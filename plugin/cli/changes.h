/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of the journal changed, for people: "expires: 2027-01-31 00:00 → never". */
#ifndef JETON_PLUGIN_CLI_CHANGES_H
#define JETON_PLUGIN_CLI_CHANGES_H

#include "plugin/cli/buffer.h"
#include "proto/line.h"

/* Add a line for each claim that the entry has an old value of; two lines where one would be wider than
 * the terminal, on which what is longer yet is cut.  Then what it says of the fleet (fleet_entry.h). */
void cli_changes_put(struct cli_buffer *b, const struct line *entry, size_t terminal);

#endif
