/* SPDX-License-Identifier: Apache-2.0 */
/* One export within the input, and whether all of it is there: its last line has the number of the
 * lines before it, and their checksum: BLAKE2b-256, as b2sum -l 256 computes it. */
#ifndef JETON_PLUGIN_CLI_IMPORT_PART_H
#define JETON_PLUGIN_CLI_IMPORT_PART_H

#include <sodium.h>

#include "plugin/cli/exit.h"
#include "proto/text.h"

/* All zeros: between two exports. */
struct import_part {
    bool begun;     /* lines of an export came, and no last line yet */
    uint64_t lines; /* imports and bans since the last OK line, however they are written */
    crypto_generichash_state sum;
};

/* Add a line of an export, without its end. */
void import_part_add(struct import_part *p, struct slice line);

/* Take the arguments of the last line, which has this number.  Report what is wrong, unless the input
 * is allowed to be a part of an export; CLI_EXIT_YES: nothing. */
enum cli_exit import_part_end(struct import_part *p, struct slice arguments, uint64_t number,
                              bool partial);

#endif
