/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of the journal says of the fleet, for people:
 *
 *     fleet: 12 put, 1 denied, 0 dropped, a whole copy
 *     place: 5:31f5…
 *     tokens: 7976c1770b139b2cf9d2 cb37b7bae3c08830304f … and 3 more */
#ifndef JETON_PLUGIN_CLI_FLEET_ENTRY_H
#define JETON_PLUGIN_CLI_FLEET_ENTRY_H

#include "plugin/cli/buffer.h"
#include "proto/line.h"

/* Add lines about what an agent brought, or about the group and place of a change that was asked for
 * here; none if the entry has nothing of this.  No line is wider than the terminal, as far as identifiers
 * can be parted. */
void cli_fleet_entry_put(struct cli_buffer *b, const struct line *entry, size_t terminal);

#endif
