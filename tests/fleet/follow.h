/* SPDX-License-Identifier: Apache-2.0 */
/* What a simulated host makes of the database's answers. */
#ifndef JETON_TESTS_FLEET_FOLLOW_H
#define JETON_TESTS_FLEET_FOLLOW_H

#include "tests/fleet/host.h"

/* Take rows of what was asked last; false: they are not what a database of ours answers. */
bool follow_take(struct host *h, const PGresult *rows);

/* The snapshot that was being read is whole. */
void follow_snapshot_end(struct host *h);

/* Take the earned lease if the place has reached what it was promised for. */
void follow_earn_lease(struct host *h);

/* Read (serial, nonce) of a row; a serial of 0 where there is none. */
bool follow_place(const PGresult *rows, int row, struct fleet_place *place);

#endif
