/* SPDX-License-Identifier: Apache-2.0 */
/* Read rows of COPY … (FORMAT binary): what a message has must be rows of so many columns, whole, behind one head and
 * before one end, and nothing else.  No state but the caller's; any thread. */
#ifndef JETON_PLUGIN_FLEET_COPY_ROW_H
#define JETON_PLUGIN_FLEET_COPY_ROW_H

#include "proto/text.h"

struct copy_reader {
    bool begun; /* the head was read */
    bool ended; /* the end was read */
};

enum copy_found { COPY_ROW, COPY_NOTHING, COPY_WRONG };

/* Take the next row of a message's bytes; a column that is null has at == NULL.  COPY_NOTHING: there is no more in it;
 * COPY_WRONG: what is left is none. */
enum copy_found copy_row_take(struct copy_reader *reader, struct slice *bytes,
                              struct slice *columns, unsigned count);

#endif
