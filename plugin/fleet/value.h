/* SPDX-License-Identifier: Apache-2.0 */
/* Values of PostgreSQL's in its binary format, as it sends them.  Their lengths are not trusted.  No state; any thread. */
#ifndef JETON_PLUGIN_FLEET_VALUE_H
#define JETON_PLUGIN_FLEET_VALUE_H

#include <libpq-fe.h>

#include "proto/text.h"

enum { VALUE_UUID_SIZE = 16 };

/* Return a column of a row, of either format; at NULL: null. */
struct slice value_column(const PGresult *r, int row, int column);

/* Read a bigint that is not below 0; false: it is none. */
bool value_int8(struct slice value, uint64_t *number);

/* Read a UUID; false: it is none. */
bool value_uuid(struct slice value, uint8_t uuid[VALUE_UUID_SIZE]);

#endif
