/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_stage.h"

#include <errno.h>

#include "daemon/base/log.h"
#include "daemon/store/store_bans.h"
#include "daemon/table/token_peek.h"
#include "daemon/writer/fleet_publish.h"
#include "daemon/writer/fleet_up_kept.h"

enum status fleet_stage_refuse(struct fleet_staging *s, enum status status, const char *message)
{
    return problem_set(s->problem, status, "%s; nothing was changed", message);
}

/* Answer that the disk, or memory, refused it. */
enum status fleet_stage_fail(struct fleet_staging *s, int error)
{
    struct fleet *f = s->w->fleet;

    f->figures.failures++;
    if (error == -ENOMEM)
        return fleet_stage_refuse(s, STATUS_INTERNAL, "no memory");
    if (!f->failure_logged)
        log_error("fleet: %s; denials that came are in force",
                  fleet_cache_problem(f->cache)->message);
    f->failure_logged = true;
    return fleet_stage_refuse(s, STATUS_STORE, fleet_cache_problem(f->cache)->message);
}

/* -- before anything is saved ------------------------------------------------------------------- */

/* Let the denials of a delivery take effect. */
void fleet_stage_denials(struct fleet_staging *s, const struct fleet_delivery *delivery)
{
    struct fleet_entry *e = &s->effect.after;
    const struct fleet_change *c = NULL;

    while (delivery->denies && (c = fleet_delivery_next(delivery, c)) != NULL) {
        if (!fleet_change_denies(c))
            continue;
        record_copy(&e->record, &c->record);
        e->deleted = c->kind == FLEET_CHANGE_DROP;
        fleet_publish_denial(s->w, e);
    }
}

/* -- what a change makes of its token ----------------------------------------------------------- */

static void count_conflict(struct fleet_staging *s, const uint8_t digest[DIGEST_SIZE])
{
    char id[ID_TEXT + 1];
    struct text t = text_in(id, sizeof(id));

    text_add_hex(&t, digest, ID_SIZE);
    text_addc(&t, '\0');
    if (s->w->fleet->figures.conflicts++ == 0)
        log_warning(
            "fleet: %s is a token of this host alone, or another one has the same first digits: the fleet's is "
            "not taken over (others are counted: fleet_conflicts)",
            id);
}

bool fleet_stage_is_banned(struct writer *w, const uint8_t digest[DIGEST_SIZE])
{
    struct ban ban;

    return w->bans > 0 && w->disk_failure.readable &&
           store_get_ban(w->store, digest, &ban) != STORE_ABSENT;
}

/* Make what is to be saved of a change, and of what there was.  False: nothing is. */
static bool merge_change(struct fleet_staging *s, const struct fleet_change *c)
{
    struct fleet_effect *e = &s->effect;

    e->after.deleted = false;
    e->after.enables = c->enables;
    record_copy(&e->after.record, &c->record);
    fleet_up_kept_hold(s->w->fleet_up, &e->after, s->serial);
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
static bool is_conflict(struct fleet_staging *s, const struct fleet_change *c)
{
    switch (fleet_publish_look(s->w, c->record.digest)) {
    case FLEET_SLOT_FREE:
    case FLEET_SLOT_OURS:
        return false;
    case FLEET_SLOT_LOCAL:
        if (fleet_change_denies(c))
            return false;
        break;
    case FLEET_SLOT_OTHER:
        break;
    }
    count_conflict(s, c->record.digest);
    return true;
}

static void note(struct fleet_staging *s, const struct fleet_change *c)
{
    struct fleet_note *n = &s->w->fleet->notes.next;
    uint64_t *counters[] = { [FLEET_CHANGE_PUT] = &n->puts,
                             [FLEET_CHANGE_DENY] = &n->denies,
                             [FLEET_CHANGE_DROP] = &n->drops };

    fleet_note_token(n, counters[c->kind], c->record.digest);
}

/* Find what there was, and make the effect.  False: there is none, or *status is not STATUS_OK. */
static bool find_effect(struct fleet_staging *s, const struct fleet_change *c, enum status *status)
{
    struct fleet_effect *e = &s->effect;

    *status = STATUS_OK;
    if (is_conflict(s, c))
        return false;
    enum store_found found = fleet_cache_find(s->w->fleet->cache, c->record.digest, &e->before);
    if (found == STORE_FAILED)
        *status = fleet_stage_fail(s, -EIO);
    e->had = found == STORE_FOUND;
    e->banned = c->kind == FLEET_CHANGE_PUT && fleet_stage_is_banned(s->w, c->record.digest);
    e->again = fleet_cache_is_staged(s->w->fleet->cache, c->record.digest);
    return found != STORE_FAILED && merge_change(s, c);
}

static enum status keep_effect(struct fleet_staging *s, const struct fleet_change *c)
{
    note(s, c);
    return fleet_effects_add(&s->w->fleet->effects, &s->effect) ? STATUS_OK :
                                                                  fleet_stage_fail(s, -ENOMEM);
}

/* Stage one change. */
enum status fleet_stage_change(struct fleet_staging *s, const struct fleet_change *c)
{
    struct fleet_effect *e = &s->effect;
    enum status status;

    if (!find_effect(s, c, &status))
        return status;
    bool enables = e->after.enables;
    if (e->had && !fleet_entry_merge(&e->after, &e->before)) {
        count_conflict(s, c->record.digest);
        return STATUS_OK;
    }
    e->after.enables = enables;
    int error = fleet_cache_put(s->w->fleet->cache, &e->after);
    return error == 0 ? keep_effect(s, c) : fleet_stage_fail(s, error);
}

/* Add one entry to the snapshot. */
enum status fleet_stage_of_snapshot(struct fleet_staging *s, const struct fleet_change *c)
{
    struct fleet_effect *e = &s->effect;
    enum status status;

    if (!find_effect(s, c, &status))
        return status;
    int error = fleet_cache_snapshot_put(s->w->fleet->cache, &e->after, &e->after);
    if (error == -EEXIST) {
        count_conflict(s, c->record.digest);
        return STATUS_OK;
    }
    if (error == -EINVAL)
        return fleet_stage_refuse(s, STATUS_BAD_VALUE,
                                  "digest=: a snapshot is in ascending order of digests");
    return error == 0 ? keep_effect(s, c) : fleet_stage_fail(s, error);
}

enum status fleet_stage_all(struct fleet_staging *s, const struct fleet_delivery *delivery,
                            fleet_stage *one)
{
    struct fleet_effects *effects = &s->w->fleet->effects;
    const struct fleet_change *c = NULL, *next = fleet_delivery_next(delivery, NULL);
    enum status status = STATUS_OK;

    fleet_effects_clear(effects);
    while (status == STATUS_OK && (c = next) != NULL) {
        next = fleet_delivery_next(delivery, c);
        if (next != NULL)
            token_peek_prefetch(s->w->token_table, next->record.digest);
        status = one(s, c);
    }
    if (status == STATUS_OK &&
        !fleet_publish_reserve(s->w, effects->count, effects->slots, effects->texts))
        status = fleet_stage_fail(s, -ENOMEM);
    return status;
}
