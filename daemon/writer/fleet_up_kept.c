/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_up_kept.h"

#include "daemon/writer/fleet_up_private.h"

void fleet_up_kept_hold(const struct fleet_up *u, struct fleet_entry *comes, uint64_t serial)
{
    const struct fleet_up_request *r = fleet_up_queue_about(&u->queue, comes->record.digest);

    for (; r != NULL; r = fleet_up_queue_next(r)) {
        if (r->outcome.place.serial != 0 && r->outcome.place.serial <= serial)
            continue;
        if (r->event == FLEET_UP_DISABLE)
            comes->enables = false;
        else if (r->event == FLEET_UP_END)
            fleet_up_end_record(&comes->record, r->end);
    }
}

bool fleet_up_kept_add(struct fleet_up *u, struct fleet_up_request *r, uint64_t here)
{
    if ((r->event != FLEET_UP_DISABLE && r->event != FLEET_UP_END) ||
        r->outcome.place.serial <= here)
        return false;
    r->kept = true;
    TAILQ_INSERT_TAIL(&u->kept, r, link);
    return true;
}

void fleet_up_kept_pass(struct fleet_up *u, uint64_t here)
{
    struct fleet_up_request *r;

    while ((r = TAILQ_FIRST(&u->kept)) != NULL && r->outcome.place.serial <= here) {
        TAILQ_REMOVE(&u->kept, r, link);
        fleet_up_drop(u, r);
    }
}
