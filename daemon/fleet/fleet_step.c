/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/clock.h"
#include "daemon/fleet/fleet_cache.h"
#include "daemon/fleet/fleet_cache_private.h"

enum { RETRY_SECONDS = 5 };

/* -- what is merged --------------------------------------------------------------------------- */

/* The log's index is split where the log is: what comes from now on goes to a new one. */
bool fleet_freeze(struct fleet_cache *c)
{
    struct fleet_index *active = NULL;

    if (wal_next(c->wal) == 0 || !fleet_unfreeze(c) || (active = fleet_index_new()) == NULL)
        return false;
    fleet_unsent_free(&c->frozen_unsent);
    if (!fleet_unsent_copy(&c->frozen_unsent, &c->unsent)) {
        fleet_index_free(active);
        return false;
    }
    fleet_places_copy(&c->frozen_places, &c->places);
    c->frozen_next = wal_next(c->wal);
    c->frozen = c->active;
    c->active = active;
    return true;
}

bool fleet_unfreeze(struct fleet_cache *c)
{
    if (c->frozen == NULL)
        return true;
    if (!fleet_index_reserve(c->frozen, fleet_index_count(c->active)))
        return false;
    for (size_t i = 0; i < fleet_index_count(c->active); i++)
        fleet_index_put(c->frozen, fleet_index_at(c->active, i));
    fleet_index_free(c->active);
    c->active = c->frozen;
    c->frozen = NULL;
    return true;
}

void fleet_adopt(struct fleet_cache *c, struct fleet_snapshot *made, bool durably)
{
    fleet_snapshot_close(c->snapshot);
    c->snapshot = made;
    fleet_index_free(c->frozen);
    c->frozen = NULL;
    fleet_unsent_free(&c->frozen_unsent);
    if (durably)
        wal_set_saved(c->wal, made->head.next);
}

/* -- compaction ------------------------------------------------------------------------------- */

static bool begin(struct fleet_cache *c)
{
    if (!fleet_freeze(c)) {
        problem_set(&c->problem, STATUS_STORE, "no memory to compact fleet cache %.120s", c->path);
        return false;
    }
    fleet_compaction_begin(&c->compaction,
                           &(struct fleet_compaction_job){ .path = c->path,
                                                           .snapshot = c->snapshot,
                                                           .index = c->frozen,
                                                           .log = c->log,
                                                           .next = c->frozen_next,
                                                           .now = clock_wall(),
                                                           .places = &c->frozen_places,
                                                           .unsent = &c->frozen_unsent });
    return true;
}

/* Take the outcome.  What is published is used in any case, as it is what the name leads to; if that may be
 * undone by a crash, the log keeps what the old file needs. */
static void end(struct fleet_cache *c, bool stopped)
{
    struct fleet_compaction *done = &c->compaction;

    fleet_compaction_wait(done);
    bool published = done->published == FLEET_PUBLISHED;
    if (done->made != NULL)
        fleet_adopt(c, done->made, published);
    c->unsure = c->unsure && !published;
    c->failed = !published && !stopped;
    fleet_unfreeze(c);
    if (!c->failed)
        return;
    c->problem = done->problem;
    c->retry_at = clock_seconds() + RETRY_SECONDS;
}

void fleet_end_compaction(struct fleet_cache *c, bool stop)
{
    if (!c->compaction.running)
        return;
    if (stop)
        fleet_compaction_stop(&c->compaction);
    end(c, stop);
}

static bool may_try(const struct fleet_cache *c)
{
    return c->stream == NULL && !c->in_doubt && (!c->failed || clock_seconds() >= c->retry_at);
}

bool fleet_compact_now(struct fleet_cache *c)
{
    const bool was_running = c->compaction.running;

    fleet_end_compaction(c, false);
    if (was_running && !c->failed)
        return true;
    if (!may_try(c) || !begin(c))
        return false;
    fleet_end_compaction(c, false);
    return !c->failed;
}

/* Return how much of the log may be in use: the more, the less often all is written again; the less, the sooner
 * a start has read it.  Half of it is space enough for what comes while it is compacted. */
static uint64_t log_most(const struct fleet_cache *c)
{
    const uint64_t size = fleet_head_file_blocks(&c->snapshot->head) * FLEET_BLOCK,
                   capacity = wal_capacity(c->wal);

    return size / 4 > capacity / 2 ? capacity / 2 :
           size / 4 < capacity / 8 ? capacity / 8 :
                                     size / 4;
}

static bool is_due(const struct fleet_cache *c)
{
    return c->failed || c->unsure || wal_unsaved_bytes(c->wal) > log_most(c);
}

bool fleet_cache_step(struct fleet_cache *c)
{
    if (c->compaction.running && fleet_compaction_is_done(&c->compaction))
        end(c, false);
    if (!c->compaction.running && is_due(c) && may_try(c))
        c->failed = !begin(c);
    return !c->failed;
}
