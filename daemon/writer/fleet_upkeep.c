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

/* Tell the log what this host answers about, when that has changed: also if the agent, which logs why, is gone. */
static void log_lease(struct fleet *f)
{
    struct fleet_lease_left left = fleet_status_lease_left(f->status);
    enum fleet_answered was = f->answered;

    f->answered = left.until > 0 ? FLEET_ALL : left.keep > 0 ? FLEET_KNOWN : FLEET_NOTHING;
    if (f->answered == was)
        return;
    if (f->answered == FLEET_ALL)
        log_info("fleet: a lease is held: its tokens are honoured");
    else if (f->answered == FLEET_KNOWN)
        log_warning(
            "fleet: its lease has ended: unknown values are refused; known tokens go on for %llu s.  See the "
            "log of jeton-fleet",
            (unsigned long long)left.keep / 1000);
    else
        log_warning(
            "fleet: its lease has ended: its tokens, and unknown values, are refused until jeton-fleet renews "
            "it.  See the log of jeton-fleet");
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
    log_lease(f);
}
