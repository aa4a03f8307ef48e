/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_apply.h"

#include <errno.h>

#include "daemon/base/log.h"
#include "daemon/store/store_bans.h"
#include "daemon/writer/fleet_publish.h"

/* One delivery while it is applied. */
struct applying {
    struct writer *w;
    struct fleet *fleet;
    const struct fleet_request *request;
    int64_t now;
    struct problem *problem;
    struct fleet_effect effect; /* of the change that is looked at */
};

static enum status fail(struct applying *a, enum status status, const char *message)
{
    return problem_set(a->problem, status, "%s; nothing was changed", message);
}

/* Answer that the disk, or memory, refused it. */
static enum status fail_with(struct applying *a, int error)
{
    struct fleet *f = a->fleet;

    f->figures.failures++;
    if (error == -ENOMEM)
        return fail(a, STATUS_INTERNAL, "no memory");
    if (!f->failure_logged)
        log_error("fleet: %s; denials that came are in force",
                  fleet_cache_problem(f->cache)->message);
    f->failure_logged = true;
    return fail(a, STATUS_STORE, fleet_cache_problem(f->cache)->message);
}

/* -- before anything is saved ------------------------------------------------------------------- */

static bool denies(const struct fleet_change *c)
{
    return c->kind == FLEET_CHANGE_DROP || c->record.revoked != 0 || c->record.disabled != 0;
}

/* Let the denials of a delivery take effect. */
static enum status deny_all(struct applying *a)
{
    struct fleet_entry *e = &a->effect.after;
    const struct fleet_change *c = NULL;

    while ((c = fleet_delivery_next(a->request->delivery, c)) != NULL) {
        if (!denies(c))
            continue;
        record_copy(&e->record, &c->record);
        e->deleted = c->kind == FLEET_CHANGE_DROP;
        if (!fleet_publish_denial(a->w, e))
            return fail(a, STATUS_INTERNAL, "no memory for a denial");
    }
    return STATUS_OK;
}

/* -- what a change makes of its token ----------------------------------------------------------- */

static void count_conflict(struct applying *a, const uint8_t digest[DIGEST_SIZE])
{
    char id[ID_TEXT + 1];
    struct text t = text_in(id, sizeof(id));

    text_add_hex(&t, digest, ID_SIZE);
    text_addc(&t, '\0');
    if (a->fleet->figures.conflicts++ == 0)
        log_warning(
            "fleet: %s is a token of this host alone: the fleet's of the same digest is not taken "
            "over (others are counted: fleet_conflicts)",
            id);
}

/* True if a ban of this host holds for a token that the fleet brings. */
static bool is_banned(const struct applying *a, const struct fleet_change *c)
{
    struct ban ban;

    return a->w->bans > 0 && c->kind == FLEET_CHANGE_PUT && a->w->disk_failure.readable &&
           store_get_ban(a->w->store, c->record.digest, &ban) != STORE_ABSENT;
}

/* Make what is to be saved of a change, and of what there was.  False: nothing is. */
static bool merge_change(struct applying *a, const struct fleet_change *c)
{
    struct fleet_effect *e = &a->effect;

    e->after.deleted = false;
    e->after.enables = c->enables;
    record_copy(&e->after.record, &c->record);
    if (c->kind == FLEET_CHANGE_DROP && !e->had)
        return false;
    if (c->kind != FLEET_CHANGE_PUT && e->had) {
        int64_t revoked = c->record.revoked, disabled = c->record.disabled;
        fleet_entry_copy(&e->after, &e->before);
        e->after.enables = false;
        if (e->after.record.revoked == 0)
            e->after.record.revoked = revoked;
        if (e->after.record.disabled == 0)
            e->after.record.disabled = disabled;
        e->after.deleted = e->after.deleted || c->kind == FLEET_CHANGE_DROP;
    }
    return true;
}

/* True if a change concerns a token of this host alone, or one that only has the same id, and is not taken. */
static bool is_conflict(struct applying *a, const struct fleet_change *c)
{
    switch (fleet_publish_look(a->w, c->record.digest)) {
    case FLEET_SLOT_FREE:
    case FLEET_SLOT_OURS:
        return false;
    case FLEET_SLOT_LOCAL:
        if (denies(c))
            return false;
        break;
    case FLEET_SLOT_OTHER:
        break;
    }
    count_conflict(a, c->record.digest);
    return true;
}

static void note(struct applying *a, const struct fleet_change *c)
{
    struct fleet_note *n = &a->fleet->notes.next;
    uint64_t *counters[] = { [FLEET_CHANGE_PUT] = &n->puts,
                             [FLEET_CHANGE_DENY] = &n->denies,
                             [FLEET_CHANGE_DROP] = &n->drops };

    fleet_note_token(n, counters[c->kind], c->record.digest);
}

/* Find what there was, and make the effect.  False: there is none, or *status is not STATUS_OK. */
static bool find_effect(struct applying *a, const struct fleet_change *c, enum status *status)
{
    struct fleet_effect *e = &a->effect;

    *status = STATUS_OK;
    if (is_conflict(a, c))
        return false;
    enum store_found found = fleet_cache_find(a->fleet->cache, c->record.digest, &e->before);
    if (found == STORE_FAILED)
        *status = fail_with(a, -EIO);
    e->had = found == STORE_FOUND;
    e->banned = is_banned(a, c);
    return found != STORE_FAILED && merge_change(a, c);
}

static enum status keep_effect(struct applying *a, const struct fleet_change *c)
{
    note(a, c);
    return fleet_effects_add(&a->fleet->effects, &a->effect) ? STATUS_OK : fail_with(a, -ENOMEM);
}

/* Stage one change. */
static enum status stage(struct applying *a, const struct fleet_change *c)
{
    struct fleet_effect *e = &a->effect;
    enum status status;

    if (!find_effect(a, c, &status))
        return status;
    bool enables = e->after.enables;
    if (e->had && !fleet_entry_merge(&e->after, &e->before)) {
        count_conflict(a, c->record.digest);
        return STATUS_OK;
    }
    e->after.enables = enables;
    int error = fleet_cache_put(a->fleet->cache, &e->after);
    return error == 0 ? keep_effect(a, c) : fail_with(a, error);
}

/* Add one entry to the snapshot. */
static enum status stage_of_snapshot(struct applying *a, const struct fleet_change *c)
{
    struct fleet_effect *e = &a->effect;
    struct fleet_entry comes;
    enum status status;

    if (!find_effect(a, c, &status))
        return status;
    fleet_entry_copy(&comes, &e->after);
    int error = fleet_cache_snapshot_put(a->fleet->cache, &comes, &e->after);
    if (error == -EINVAL)
        return fail(a, STATUS_BAD_VALUE, "digest=: a snapshot is in ascending order of digests");
    return error == 0 ? keep_effect(a, c) : fail_with(a, error);
}

static enum status stage_all(struct applying *a,
                             enum status (*one)(struct applying *a, const struct fleet_change *c))
{
    const struct fleet_change *c = NULL;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && (c = fleet_delivery_next(a->request->delivery, c)) != NULL)
        status = one(a, c);
    struct fleet_effects *effects = &a->fleet->effects;
    if (status == STATUS_OK && !fleet_publish_reserve(a->w, effects->count, effects->texts))
        status = fail_with(a, -ENOMEM);
    return status;
}

static void publish_all(struct applying *a)
{
    size_t at = 0;

    while (fleet_effects_next(&a->fleet->effects, &at, &a->effect))
        fleet_publish_effect(a->w, &a->effect);
}

/* -- a delivery that continues ------------------------------------------------------------------ */

/* Commit what is staged.  If that fails, it may have happened all the same. */
static enum status commit(struct applying *a)
{
    struct fleet *f = a->fleet;
    int error = fleet_cache_commit(f->cache, &a->request->place);

    if (error == 0)
        return STATUS_OK;
    struct fleet_effects effects = f->doubtful;
    f->doubtful = f->effects;
    f->effects = effects;
    return fail_with(a, error);
}

static enum status apply_changes(struct applying *a)
{
    struct fleet *f = a->fleet;
    struct fleet_place here = fleet_cache_place(f->cache);
    struct fleet_notes before = f->notes;

    if (!fleet_place_equal(&here, &a->request->delivery->from))
        return fail(a, STATUS_PLACE, "this host is at another place by now");
    enum status status = deny_all(a);
    if (status == STATUS_OK)
        status = stage_all(a, stage);
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
    struct fleet_effect *e = &a->effect;

    if (entry->deleted)
        return true;
    e->had = true;
    e->banned = false;
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
        return fail_with(a, error);
    f->snapshot = a->request->delivery->number;
    return STATUS_OK;
}

static enum status end_snapshot(struct applying *a)
{
    struct dropping dropping = { .visitor.visit = drop, .a = a };
    struct fleet *f = a->fleet;
    int error = fleet_cache_snapshot_end(f->cache, &a->request->place, &dropping.visitor);

    if (error < 0)
        return fail_with(a, error);
    f->snapshot = 0;
    f->notes.next.snapshot = true;
    return STATUS_OK;
}

static enum status apply_part(struct applying *a)
{
    enum status status = begin_snapshot(a);

    if (status == STATUS_OK)
        status = deny_all(a);
    if (status == STATUS_OK)
        status = stage_all(a, stage_of_snapshot);
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
    if (!fleet_publish_reserve(w, 1, (uint64_t)r->subject_len + r->scopes_len))
        return -ENOMEM;
    return fleet_cache_put(w->fleet->cache, &e->after);
}

int fleet_apply_entry(struct writer *w, const struct fleet_entry *comes)
{
    enum fleet_slot slot = fleet_publish_look(w, comes->record.digest);
    struct fleet_effect effect;

    if (!fleet_publish_denial(w, comes))
        return -ENOMEM;
    if (slot == FLEET_SLOT_LOCAL || slot == FLEET_SLOT_OTHER)
        return -EEXIST;
    effect.banned = false;
    fleet_entry_copy(&effect.after, comes);
    int error = stage_entry(w, &effect);
    if (error == 0)
        fleet_publish_effect(w, &effect);
    return error;
}

/* Publish what the cache now has of a token that a failed commit concerned. */
static void publish_doubtful(struct writer *w, struct fleet_effect *e)
{
    bool enables = e->after.enables;

    if (fleet_cache_find(w->fleet->cache, e->after.record.digest, &e->after) != STORE_FOUND)
        return;
    e->after.enables = enables;
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
        !fleet_publish_reserve(w, f->doubtful.count, f->doubtful.texts))
        return false;
    while (fleet_effects_next(&f->doubtful, &at, &effect))
        publish_doubtful(w, &effect);
    fleet_effects_clear(&f->doubtful);
    fleet_show(f);
    return true;
}

enum status fleet_apply_delivery(struct writer *w, const struct fleet_request *r, int64_t now,
                                 struct problem *problem)
{
    struct applying a = { .w = w, .fleet = w->fleet, .request = r, .now = now, .problem = problem };

    fleet_apply_check_holder(w);
    fleet_effects_clear(&w->fleet->effects);
    enum status status = fleet_apply_settle(w) ? STATUS_OK : fail_with(&a, -EIO);
    if (status == STATUS_OK)
        status = r->delivery->snapshot ? apply_part(&a) : apply_changes(&a);
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
