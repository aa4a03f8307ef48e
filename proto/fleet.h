/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon and the agent of a fleet have in common: names, and places in the history of the fleet's
 * changes.  No state; any thread. */
#ifndef JETON_PROTO_FLEET_H
#define JETON_PROTO_FLEET_H

#include "proto/limits.h"
#include "proto/text.h"

enum {
    FLEET_NONCE_SIZE = 16,
    FLEET_PLACE_TEXT = 20 + 1 + 2 * FLEET_NONCE_SIZE, /* "SERIAL:NONCE", without NUL */
};

/* A place: the serial of a change, and its random name, as a serial alone may be used again after a
 * failover.  serial 0: before all changes, written "none". */
struct fleet_place {
    uint64_t serial;
    uint8_t nonce[FLEET_NONCE_SIZE]; /* zeros where the serial is */
};

/* Read "SERIAL:NONCE" (decimal, 32 hex digits) or "none"; false: it is neither. */
bool fleet_place_parse(struct slice text, struct fleet_place *place);

/* Append it. */
void fleet_place_put(struct text *t, const struct fleet_place *place);

bool fleet_place_equal(const struct fleet_place *a, const struct fleet_place *b);

/* Check the name of a group or host: letters, digits, `.`, `_` and `-`, not beginning with `-` or `.`, at most
 * GROUP_MAX bytes.  Return NULL, or what is wrong with it.  An empty one passes: it is for the caller to judge. */
const char *fleet_name_fault(struct slice name);

#endif
