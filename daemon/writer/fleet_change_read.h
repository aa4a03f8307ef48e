/* SPDX-License-Identifier: Apache-2.0 */
/* Read what is brought within a batch of the fleet: put, deny, drop.  No state; any thread. */
#ifndef JETON_DAEMON_WRITER_FLEET_CHANGE_READ_H
#define JETON_DAEMON_WRITER_FLEET_CHANGE_READ_H

#include "daemon/store/record.h"
#include "daemon/writer/fleet_delivery.h"
#include "proto/request.h"

struct fleet_change_want {
    enum fleet_change_kind kind;
    bool enables;
    struct record record;
};

/* Read it; a denial without a date is of this time.  Not STATUS_OK: *problem says what is wrong with it. */
enum status fleet_change_read(const struct request *r, int64_t now, struct fleet_change_want *want,
                              struct problem *problem);

#endif
