/* SPDX-License-Identifier: Apache-2.0 */
/* Old tables that clients still hold.  Their memory is charged to the daemon and, sealed as it is,
 * cannot be taken back.  So it is measured, and when it is too much the table is handed out no more:
 * what nobody gets, nobody can hold.  The token table's mutex guards every call. */
#ifndef JETON_DAEMON_TABLE_HELD_TABLES_H
#define JETON_DAEMON_TABLE_HELD_TABLES_H

#include "daemon/table/generation.h"

enum { HELD_TABLES_MAX = 16 }; /* a descriptor each */

/* All zeros: none. */
struct held_tables {
    unsigned count;
    uint64_t bytes;
    struct {
        int fd; /* read-only: by it the kernel tells whether others have the file */
        uint64_t bytes;
    } table[HELD_TABLES_MAX];
};

/* Free a generation that was replaced and is in use by no reader of ours; keep count of its memory
 * if clients hold it. */
void held_tables_free(struct held_tables *h, struct generation *g);

/* Forget the tables that clients have let go. */
void held_tables_check(struct held_tables *h);

/* True if no table of this size should be handed out for now. */
bool held_tables_are_too_many(const struct held_tables *h, uint64_t size);

void held_tables_clear(struct held_tables *h);

#endif
