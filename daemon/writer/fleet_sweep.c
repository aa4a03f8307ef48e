/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_sweep.h"

#include "daemon/writer/fleet_publish.h"

enum { STEP_LOOKS = 4096, STEP_TOKENS = 512 };

struct found {
    size_t count;
    struct creation_entry entry[STEP_TOKENS];
};

/* Collect the next tokens that the cache has not.  False: the end is reached. */
static bool collect(struct writer *w, struct found *found)
{
    struct fleet_sweep *sweep = &w->fleet->sweep;
    size_t at = creation_index_after(&w->index, sweep->created, sweep->serial), looks = 0;
    struct record r;

    for (; at < w->index.count && looks < STEP_LOOKS && found->count < STEP_TOKENS; at++, looks++) {
        const struct creation_entry *e = &w->index.entry[at];
        sweep->created = e->created;
        sweep->serial = e->serial;
        if (!e->removed && fleet_serial_is(e->serial) &&
            fleet_read(w->fleet, e->id, &r) == STORE_ABSENT)
            found->entry[found->count++] = *e;
    }
    return at < w->index.count;
}

bool fleet_sweep_step(struct writer *w)
{
    struct found found = { .count = 0 };

    if (!w->fleet->sweep.wanted)
        return false;
    bool more = collect(w, &found);
    for (size_t i = 0; i < found.count; i++)
        fleet_publish_remove(w, found.entry[i].id, found.entry[i].created, found.entry[i].serial);
    w->fleet->sweep.wanted = more;
    if (!more)
        fleet_show(w->fleet);
    return more;
}
