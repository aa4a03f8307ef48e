/* SPDX-License-Identifier: Apache-2.0 */
/* Places in the fleet's history (proto/fleet.h) as PostgreSQL has them: a bigint and a UUID.  No state; any
 * thread. */
#ifndef JETON_PLUGIN_FLEET_PLACE_H
#define JETON_PLUGIN_FLEET_PLACE_H

#include "proto/fleet.h"

enum { PLACE_UUID_TEXT = 36 };

/* Make a place of a serial and a UUID in PostgreSQL's form; false if either is none. */
bool place_of_row(struct slice serial, struct slice uuid, struct fleet_place *place);

/* Add the nonce as a UUID. */
void place_put_uuid(struct text *t, const struct fleet_place *place);

#endif
