/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_upkeep.h"

#include "daemon/base/log.h"
#include "daemon/writer/fleet_apply.h"
#include "daemon/writer/fleet_sweep.h"

bool fleet_upkeep_step(struct writer *w)
{
    if (w->fleet == NULL)
        return false;
    fleet_apply_check_holder(w);
    return fleet_sweep_step(w);
}

void fleet_upkeep_chores(struct writer *w)
{
    struct fleet *f = w->fleet;

    if (f == NULL)
        return;
    bool compacts = fleet_cache_step(f->cache);
    if (!compacts && !f->compaction_failed)
        log_error("fleet: %s; it is tried again", fleet_cache_problem(f->cache)->message);
    f->compaction_failed = !compacts;
    fleet_apply_settle(w);
    if (!w->disk_failure.broken)
        fleet_notes_step(&f->notes, &f->figures.place, &w->waiting);
    fleet_show(f);
}
