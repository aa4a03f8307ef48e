/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for jetond, made of rows of the database.  What a row says is parsed, checked and written anew; nothing of it
 * is passed on as it came.  No state; any thread. */
#ifndef JETON_PLUGIN_FLEET_CHANGE_H
#define JETON_PLUGIN_FLEET_CHANGE_H

#include "proto/limits.h"
#include "proto/text.h"

/* A row of the feed, or of a snapshot. */
struct change_row {
    struct slice event; /* of the feed */
    struct slice
        digest; /* of the feed hex digits, of a snapshot bytes; at NULL: not for this host */
    struct slice claims; /* at NULL: none */
    bool snapshot;
};

/* Add a `put`, `deny` or `drop` with its line end, or nothing for a row that is not for this host.  False: the row
 * cannot be understood, and *why says what is wrong with it; the text is as it was. */
bool change_write(struct text *t, const struct change_row *row, const char **why);

#endif
