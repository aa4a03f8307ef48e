/* SPDX-License-Identifier: Apache-2.0 */
/* A denial is in force before anybody else knows it, and is kept until the database does.  What the disk refuses to
 * keep stays in memory: it is in force, is sent to the database, and is tried to be saved again every second. */
#include "daemon/base/log.h"
#include "daemon/writer/change_apply.h"
#include "daemon/writer/fleet_apply.h"
#include "daemon/writer/fleet_up.h"
#include "daemon/writer/fleet_up_private.h"

/* Let the record say that it is denied, if it does not. */
static void deny_record(struct record *r, const struct fleet_up_request *request, int64_t now)
{
    int64_t date = now > 0 ? now : 1;

    if (request->event == FLEET_UP_REVOKE && r->revoked == 0) {
        r->revoked = date;
        record_set_revoked_by(r, request->by);
    } else if (request->event == FLEET_UP_DISABLE && r->disabled == 0) {
        r->disabled = date;
        record_set_disabled_by(r, request->by);
    }
}

void fleet_up_end_record(struct record *r, int64_t end)
{
    if (r->expires <= end)
        return;
    r->own_end = record_own_end(r);
    r->expires = end;
}

/* Stage the entry as it is denied, or ends.  Without it, its denial in the table stands. */
static void stage_entry(struct writer *w, const struct fleet_up_request *r, int64_t now)
{
    struct fleet_entry *entry = &w->fleet_up->found;

    if (fleet_cache_find(w->fleet->cache, r->digest, entry) != STORE_FOUND || entry->deleted)
        return;
    record_copy(&w->fleet_up->comes.record, &entry->record);
    w->fleet_up->comes.deleted = w->fleet_up->comes.enables = false;
    if (fleet_up_is_denial(r->event))
        deny_record(&w->fleet_up->comes.record, r, now);
    else
        fleet_up_end_record(&w->fleet_up->comes.record, r->end);
    fleet_up_apply(w, &w->fleet_up->comes);
}

/* What is kept of a request until the database has it. */
static struct fleet_unsent unsent_of(const struct fleet_up_request *r, int64_t now)
{
    struct fleet_unsent unsent = { .by = r->by, .time = now };

    memcpy(unsent.digest, r->digest, DIGEST_SIZE);
    switch (r->event) {
    case FLEET_UP_REVOKE:
        unsent.event = FLEET_REVOKE;
        break;
    case FLEET_UP_DISABLE:
        unsent.event = FLEET_DISABLE;
        break;
    default:
        unsent.event = FLEET_END;
        unsent.time = r->end;
    }
    return unsent;
}

void fleet_up_stage_denial(struct writer *w, struct fleet_up_request *r, int64_t now)
{
    struct fleet_up *u = w->fleet_up;
    struct fleet_unsent denial = unsent_of(r, now);

    if (fleet_up_is_denial(r->event))
        token_table_deny(w->token_table, r->digest,
                         r->event == FLEET_UP_DISABLE ? SLOT_DISABLED : SLOT_REVOKED, NULL);
    r->unsent = 0;
    /* What is staged while an earlier commit is in doubt could go with that. */
    if (fleet_apply_settle(w)) {
        stage_entry(w, r, now);
        if (fleet_cache_unsent_add(w->fleet->cache, &denial) == 0)
            r->unsent = denial.number;
    }
    u->staged = true;
    r->saving = true;
    TAILQ_INSERT_TAIL(&u->saving, r, save);
}

void fleet_up_unstage(struct writer *w, struct fleet_up_request *r)
{
    struct fleet_up *u = w->fleet_up;

    if (r->saving)
        TAILQ_REMOVE(&u->saving, r, save);
    if (r->unsaved)
        TAILQ_REMOVE(&u->unsaved, r, save);
    r->saving = r->unsaved = false;
    if (r->unsent == 0)
        return;
    fleet_cache_unsent_remove(w->fleet->cache, r->unsent);
    u->staged = true;
    r->unsent = 0;
}

void fleet_up_enter(struct fleet_up *u, const struct change *c)
{
    struct change *entry = change_new_of_many(c->kind);

    if (entry == NULL)
        return; /* the entry of the confirmation is all there is */
    entry->uid = c->uid;
    entry->pid = c->pid;
    entry->login = c->login;
    record_copy(&entry->found, c->after);
    entry->fleet_stage = CHANGE_SETTLED;
    mail_append(&u->entries, &entry->mail);
}

static const struct change_kind *kind_of(enum fleet_up_event event)
{
    if (event == FLEET_UP_REVOKE)
        return &change_revoke;
    return event == FLEET_UP_DISABLE ? &change_disable : &change_update;
}

void fleet_up_enter_done(struct writer *w, const struct fleet_up_request *r)
{
    struct fleet_up *u = w->fleet_up;

    /* What the fleet has dropped meanwhile has no more entries here. */
    if (fleet_cache_find(w->fleet->cache, r->digest, &u->found) != STORE_FOUND || u->found.deleted)
        return;
    struct change *entry = change_new_of_many(kind_of(r->event));
    if (entry == NULL)
        return;
    entry->uid = r->by;
    record_copy(&entry->found, &u->found.record);
    entry->fleet_outcome = r->outcome;
    entry->fleet_stage = CHANGE_SETTLED;
    mail_append(&u->entries, &entry->mail);
}

/* Note what became of the denials that were staged. */
static void note_saved(struct fleet_up *u, bool saved)
{
    for (struct fleet_up_request *r; (r = TAILQ_FIRST(&u->saving)) != NULL;) {
        TAILQ_REMOVE(&u->saving, r, save);
        r->saving = false;
        r->unsaved = !saved || r->unsent == 0;
        if (!r->unsaved)
            continue;
        r->unsent = 0;
        TAILQ_INSERT_TAIL(&u->unsaved, r, save);
    }
    u->next_retry = TAILQ_EMPTY(&u->unsaved) ?
                        UINT64_MAX :
                        clock_monotonic() + FLEET_UP_RETRY * (uint64_t)CLOCK_SECOND;
}

static void commit(struct writer *w)
{
    struct fleet_up *u = w->fleet_up;

    u->staged = false;
    int error = fleet_apply_commit(w);
    note_saved(u, error == 0);
    if (error < 0 && !u->failure_logged)
        log_error("fleet: %s; denials are in force, and sent to the database, but not saved",
                  fleet_cache_problem(w->fleet->cache)->message);
    u->failure_logged = error < 0;
    fleet_show(w->fleet);
}

void fleet_up_commit(struct writer *w)
{
    struct fleet_up *u = w->fleet_up;

    if (u->staged)
        commit(w);
    if (w->disk_failure.broken || !TAILQ_EMPTY(&u->unsaved))
        return; /* entries wait as what they tell of does */
    u->news = u->news || u->entries.first != NULL;
    mail_append_list(&w->waiting, &u->entries);
}

void fleet_up_save_again(struct writer *w, int64_t now)
{
    struct fleet_up *u = w->fleet_up;
    struct fleet_up_requests again = TAILQ_HEAD_INITIALIZER(again);

    if (clock_monotonic() < u->next_retry)
        return;
    TAILQ_CONCAT(&again, &u->unsaved, save);
    for (struct fleet_up_request *r; (r = TAILQ_FIRST(&again)) != NULL;) {
        TAILQ_REMOVE(&again, r, save);
        r->unsaved = false;
        fleet_up_stage_denial(w, r, now);
    }
}
