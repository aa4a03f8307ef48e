/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_sweep.h"

#include "daemon/writer/fleet_publish.h"

enum { STEP_LOOKS = 4096, STEP_TOKENS = 512 };

struct found {
    size_t count;
    struct creation_entry entry[STEP_TOKENS];
};

/* Collect the next tokens of the fleet.  False: the end is reached. */
static bool collect(struct writer *w, struct found *found)
{
    struct fleet_sweep *sweep = &w->fleet->sweep;
    size_t at = creation_index_after(&w->index, sweep->created, sweep->serial), looks = 0;

    for (; at < w->index.count && looks < STEP_LOOKS && found->count < STEP_TOKENS; at++, looks++) {
        const struct creation_entry *e = &w->index.entry[at];
        sweep->created = e->created;
        sweep->serial = e->serial;
        if (!e->removed && fleet_serial_is(e->serial))
            found->entry[found->count++] = *e;
    }
    return at < w->index.count;
}

static void settle(struct writer *w, const struct creation_entry *e)
{
    struct record r;

    switch (fleet_read(w->fleet, e->id, &r)) {
    case STORE_FOUND:
        fleet_publish_restore(w, e, &r, fleet_uncounted_has(&w->fleet->uncounted, e->id));
        return;
    case STORE_ABSENT:
        fleet_publish_remove(w, e);
        return;
    case STORE_FAILED: /* it stays as it is */
        return;
    }
}

bool fleet_sweep_step(struct writer *w)
{
    struct found found = { .count = 0 };

    if (!w->fleet->sweep.wanted)
        return false;
    bool more = collect(w, &found);
    for (size_t i = 0; i < found.count; i++)
        settle(w, &found.entry[i]);
    w->fleet->sweep.wanted = more;
    if (!more) {
        fleet_uncounted_free(&w->fleet->uncounted);
        fleet_show(w->fleet);
    }
    return more;
}
