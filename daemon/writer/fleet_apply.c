/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_apply.h"

#include <errno.h>

#include "daemon/base/log.h"
#include "daemon/writer/fleet_publish.h"
#include "daemon/writer/fleet_stage.h"

#define SNAPSHOT_MAX \
    (UINT64_C(1) << 25) /* tokens that the table may be made ready for by an estimate */
enum { ESTIMATE_MAX = 16, ESTIMATE_STEP = 8 /* ... and see most_expected() */ };

struct applying {
    struct fleet_staging staging; /* its writer is w */
    struct writer *w;
    struct fleet *fleet;
    const struct fleet_request *request;
};

/* Note whose token of its subject counts no longer by an effect that is published. */
static void note_uncounted(struct applying *a, const struct fleet_effect *e)
{
    if (e->had && !e->before.deleted && e->before.record.revoked == 0 &&
        e->after.record.revoked != 0 &&
        fleet_publish_look(a->w, e->after.record.digest) == FLEET_SLOT_OURS)
        fleet_uncounted_add(&a->fleet->uncounted, e->after.record.digest);
}

/* True if a later change of the delivery, which is saved, disables the token again: nothing is passed in between. */
static bool is_disabled_again(const struct applying *a, const struct fleet_effect *e)
{
    struct fleet_entry saved;

    return fleet_cache_find(a->fleet->cache, e->after.record.digest, &saved) != STORE_FOUND ||
           saved.record.disabled != 0;
}

static void publish_all(struct applying *a)
{
    struct fleet_effect *effect = &a->staging.effect;
    size_t at = 0;

    while (fleet_effects_next(&a->fleet->effects, &at, effect)) {
        if (effect->after.enables && a->fleet->snapshot == 0 && is_disabled_again(a, effect))
            effect->after.enables = false;
        fleet_publish_effect(a->w, effect);
        if (a->fleet->snapshot != 0)
            note_uncounted(a, effect);
    }
}

/* -- a delivery that continues ------------------------------------------------------------------ */

/* Keep the effects of a commit that has failed, as it may have happened all the same.  None is doubtful. */
static void doubt(struct fleet *f, struct fleet_effects *effects)
{
    struct fleet_effects none = f->doubtful;

    f->doubtful = *effects;
    *effects = none;
}

/* Commit what is staged. */
static enum status commit(struct applying *a)
{
    struct fleet *f = a->fleet;
    int error = fleet_cache_commit(f->cache, &a->request->place);

    if (error == 0)
        return STATUS_OK;
    doubt(f, &f->effects);
    return fleet_stage_fail(&a->staging, error);
}

/* True for what continues from where the host is, or begins anew. */
static bool fits(const struct applying *a)
{
    const struct fleet_delivery *d = a->request->delivery;
    struct fleet_place here = fleet_cache_place(a->fleet->cache);

    return d->snapshot || fleet_place_equal(&here, &d->from);
}

static enum status apply_changes(struct applying *a)
{
    struct fleet *f = a->fleet;
    struct fleet_notes before = f->notes;

    if (!fits(a))
        return fleet_stage_refuse(&a->staging, STATUS_PLACE,
                                  "this host is at another place by now");
    enum status status = fleet_stage_all(&a->staging, a->request->delivery, fleet_stage_change);
    if (status == STATUS_OK)
        status = commit(a);
    if (status == STATUS_OK) {
        publish_all(a);
    } else {
        fleet_cache_abort(f->cache);
        f->notes = before;
    }
    return status;
}

/* -- a snapshot --------------------------------------------------------------------------------- */

/* Take back what the snapshot has not: `visitor` is in a struct applying's own. */
struct dropping {
    struct fleet_visitor visitor;
    struct applying *a;
};

static bool drop(struct fleet_visitor *visitor, const struct fleet_entry *entry)
{
    struct applying *a = ((struct dropping *)visitor)->a;
    struct fleet_effect *e = &a->staging.effect;

    if (entry->deleted)
        return true;
    e->had = true;
    e->banned = e->again = false;
    fleet_entry_copy(&e->before, entry);
    fleet_entry_copy(&e->after, entry);
    e->after.deleted = true;
    fleet_publish_effect(a->w, e);
    a->fleet->notes.next.drops++;
    return true;
}

static enum status begin_snapshot(struct applying *a)
{
    struct fleet *f = a->fleet;

    if (f->snapshot != 0)
        return STATUS_OK;
    int error = fleet_cache_snapshot_begin(f->cache);
    if (error < 0)
        return fleet_stage_fail(&a->staging, error);
    fleet_uncounted_free(&f->uncounted);
    f->snapshot = a->request->delivery->number;
    f->snapshot_count = 0;
    return STATUS_OK;
}

static enum status end_snapshot(struct applying *a)
{
    struct dropping dropping = { .visitor.visit = drop, .a = a };
    struct fleet *f = a->fleet;
    int error = fleet_cache_snapshot_end(f->cache, &a->request->place, &dropping.visitor);
    struct fleet_place here = fleet_cache_place(f->cache);

    if (fleet_place_equal(&here, &a->request->place)) /* also where an error says so */
        fleet_uncounted_free(&f->uncounted);
    if (error < 0)
        return fleet_stage_fail(&a->staging, error);
    f->snapshot = 0;
    f->notes.next.snapshot = true;
    return STATUS_OK;
}

/* Return how many tokens may be expected when so many came: a bound that rises in few steps, as the table is made
 * anew at each. */
static uint64_t most_expected(uint64_t came)
{
    uint64_t step = 1;

    while (step <= came / ESTIMATE_STEP)
        step *= ESTIMATE_STEP;
    return ESTIMATE_MAX * step;
}

/* Make the table large enough for all of the snapshot, as far as its part shows: digests are in ascending order, and as
 * many come in each part of their range.  So it is not copied for each eighth that comes.  Whoever made the first
 * digests may have chosen them for a high estimate, so it is never many times what came, unless the database has so
 * many.  Without memory the table grows as it must. */
static void reserve_whole(struct applying *a)
{
    const struct fleet_delivery *d = a->request->delivery;
    uint64_t leading = (uint64_t)d->last[0] << 24 | (uint64_t)d->last[1] << 16 |
                       (uint64_t)d->last[2] << 8 | d->last[3];

    a->fleet->snapshot_count += d->count;
    if (!a->request->more || !d->has_last)
        return;
    uint64_t whole = (a->fleet->snapshot_count << 32) / (leading + 1),
             have = a->fleet->figures.tokens, most = most_expected(a->fleet->snapshot_count);
    if (most < d->most)
        most = d->most;
    if (whole > most)
        whole = most;
    if (whole > have && whole < SNAPSHOT_MAX)
        fleet_publish_expect(a->w, whole - have);
}

static enum status apply_part(struct applying *a)
{
    const struct fleet_delivery *d = a->request->delivery;
    enum status status = fleet_status_is_held(a->fleet->status, d->number) ?
                             begin_snapshot(a) :
                             fleet_stage_refuse(&a->staging, STATUS_NO_BATCH,
                                                "the batch was given up");

    if (status == STATUS_OK) {
        reserve_whole(a);
        status = fleet_stage_all(&a->staging, a->request->delivery, fleet_stage_of_snapshot);
    }
    if (status == STATUS_OK) {
        publish_all(a);
        if (!a->request->more)
            status = end_snapshot(a);
    }
    if (status != STATUS_OK)
        fleet_apply_abandon(a->w);
    return status;
}

static int stage_entry(struct writer *w, struct fleet_effect *e)
{
    enum store_found found = fleet_cache_find(w->fleet->cache, e->after.record.digest, &e->before);
    const struct record *r = &e->after.record;
    bool enables = e->after.enables;

    e->had = found == STORE_FOUND;
    if (found == STORE_FAILED)
        return -EIO;
    if (e->had && !fleet_entry_merge(&e->after, &e->before))
        return -EEXIST;
    e->after.enables = enables;
    if (!fleet_publish_reserve(w, 1, 1, (uint64_t)r->subject_len + r->scopes_len))
        return -ENOMEM;
    int error = fleet_cache_put(w->fleet->cache, &e->after);
    if (error == 0 && !fleet_effects_add(&w->fleet->entries, e))
        error = -ENOMEM;
    return error;
}

int fleet_apply_entry(struct writer *w, const struct fleet_entry *comes)
{
    enum fleet_slot slot = fleet_publish_look(w, comes->record.digest);
    struct fleet_effect effect;

    fleet_publish_denial(w, comes);
    if (slot == FLEET_SLOT_LOCAL || slot == FLEET_SLOT_OTHER)
        return -EEXIST;
    if (!fleet_apply_settle(w))
        return -EIO;
    effect.banned = !comes->deleted && fleet_stage_is_banned(w, comes->record.digest);
    effect.again = fleet_cache_is_staged(w->fleet->cache, comes->record.digest);
    fleet_entry_copy(&effect.after, comes);
    return stage_entry(w, &effect);
}

int fleet_apply_commit(struct writer *w)
{
    struct fleet *f = w->fleet;
    struct fleet_effect effect;
    size_t at = 0;

    if (!fleet_publish_reserve(w, f->entries.count, f->entries.slots, f->entries.texts)) {
        fleet_cache_abort(f->cache);
        fleet_effects_clear(&f->entries);
        return -ENOMEM;
    }
    int error = fleet_cache_commit(f->cache, NULL);
    while (fleet_effects_next(&f->entries, &at, &effect)) {
        if (error == 0)
            fleet_publish_effect(w, &effect);
        else
            fleet_publish_unsaved(w, &effect);
    }
    if (error != 0 && f->entries.count > 0)
        doubt(f, &f->entries);
    fleet_effects_clear(&f->entries);
    return error;
}

/* Publish what the cache now has of a token that a failed commit concerned: once, however many of its effects
 * that would have had. */
static void publish_doubtful(struct writer *w, struct fleet_effect *e)
{
    if (e->again ||
        fleet_cache_find(w->fleet->cache, e->after.record.digest, &e->after) != STORE_FOUND)
        return;
    e->after.enables = e->had && e->before.record.disabled != 0;
    fleet_publish_effect(w, e);
}

bool fleet_apply_settle(struct writer *w)
{
    struct fleet *f = w->fleet;
    struct fleet_effect effect;
    size_t at = 0;

    if (f->doubtful.count == 0)
        return true;
    if (fleet_cache_commit(f->cache, NULL) < 0 ||
        !fleet_publish_reserve(w, f->doubtful.count, f->doubtful.slots, f->doubtful.texts))
        return false;
    while (fleet_effects_next(&f->doubtful, &at, &effect))
        publish_doubtful(w, &effect);
    fleet_effects_clear(&f->doubtful);
    fleet_show(f);
    return true;
}

enum status fleet_apply_delivery(struct writer *w, const struct fleet_request *r,
                                 struct problem *problem)
{
    struct applying a = { .staging = { .w = w,
                                       .problem = problem,
                                       .serial = r->delivery->snapshot ? UINT64_MAX :
                                                                         r->place.serial },
                          .w = w,
                          .fleet = w->fleet,
                          .request = r };

    fleet_apply_check_holder(w);
    if (fits(&a)) /* first: whatever the disk, or an earlier commit, will do */
        fleet_stage_denials(&a.staging, r->delivery);
    enum status status = fleet_apply_settle(w) ? STATUS_OK : fleet_stage_fail(&a.staging, -EIO);
    if (status == STATUS_OK)
        status = r->delivery->snapshot ? apply_part(&a) : apply_changes(&a);
    if (!r->more)
        fleet_effects_trim(&w->fleet->effects);
    if (status == STATUS_OK && w->fleet->failure_logged)
        log_info("fleet: its cache can be written again");
    w->fleet->failure_logged = w->fleet->failure_logged && status != STATUS_OK;
    fleet_show(w->fleet);
    return status;
}

void fleet_apply_abandon(struct writer *w)
{
    struct fleet *f = w->fleet;

    if (f->snapshot == 0)
        return;
    fleet_cache_snapshot_abort(f->cache);
    f->snapshot = 0;
    f->sweep = (struct fleet_sweep){ .wanted = true, .created = INT64_MIN };
    fleet_show(f);
}

void fleet_apply_check_holder(struct writer *w)
{
    struct fleet *f = w->fleet;

    if (f->snapshot != 0 && !fleet_status_is_held(f->status, f->snapshot))
        fleet_apply_abandon(w);
}
