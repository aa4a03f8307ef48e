/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_up.h"

#include <stdlib.h>

#include "daemon/writer/bulk.h"
#include "daemon/writer/change_apply.h"
#include "daemon/writer/commit_apply.h"
#include "daemon/writer/fleet_apply.h"

#include "daemon/writer/fleet_reply.h"
#include "daemon/writer/fleet_up_private.h"

static const struct {
    const struct change_kind *kind;
    enum fleet_up_event event;
} kinds[] = {
    { &change_create, FLEET_UP_CREATE },   { &change_import, FLEET_UP_IMPORT },
    { &change_update, FLEET_UP_UPDATE },   { &change_rotate, FLEET_UP_ROTATE },
    { &change_enable, FLEET_UP_ENABLE },   { &change_revoke, FLEET_UP_REVOKE },
    { &change_disable, FLEET_UP_DISABLE }, { &change_delete, FLEET_UP_DELETE },
};

/* Find what the database is to be asked for; false: the change is none that a token of the fleet may have. */
static bool event_of(const struct change *c, enum fleet_up_event *event)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].kind != c->kind)
            continue;
        *event = kinds[i].event;
        return true;
    }
    return false;
}

/* True for a change that adds a token which is given, and changes no other. */
static bool is_new(enum fleet_up_event event)
{
    return event == FLEET_UP_CREATE || event == FLEET_UP_IMPORT;
}

enum status fleet_up_refuse(struct change *c, enum status status, const char *why)
{
    c->fleet_stage = CHANGE_SETTLED;
    return problem_set(&c->problem, status, "%s", why);
}

/* -- which changes concern the fleet ------------------------------------------------------------- */

static uint32_t look(struct writer *w, const uint8_t id[ID_SIZE])
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;

    return token_table_look(w->token_table, id, digest, &used);
}

/* True for what the fleet has denied, and has no more; or if that cannot be read. */
static bool is_denied_in_fleet(struct writer *w, const uint8_t digest[DIGEST_SIZE])
{
    struct fleet_entry *entry = &w->fleet_up->found;
    enum store_found found = w->fleet != NULL ? fleet_cache_find(w->fleet->cache, digest, entry) :
                                                STORE_ABSENT;

    return found == STORE_FAILED || (found == STORE_FOUND && fleet_entry_is_denied(entry) &&
                                     memcmp(entry->record.digest, digest, DIGEST_SIZE) == 0);
}

/* A digest is the fleet's or this host's: refuse to give it to the other one. */
static bool new_concerns(struct writer *w, struct change *c)
{
    bool asks = (c->given & KEY_BIT(KEY_GROUP)) != 0;
    uint32_t flags = look(w, c->want.digest);

    if (asks && w->fleet == NULL)
        fleet_up_refuse(c, STATUS_UNAVAILABLE,
                        "this host is in no fleet ([fleet] path); nothing was done");
    else if (!asks && flags == 0 && is_denied_in_fleet(w, c->want.digest))
        fleet_up_refuse(c, STATUS_EXISTS, "the fleet has denied the token");
    else if (flags != 0 && (asks || (flags & SLOT_FLEET)))
        fleet_up_refuse(c, STATUS_EXISTS,
                        flags & SLOT_FLEET ?
                            "the token is already here, as one of the fleet" :
                            "the token is already here, as one of this host alone");
    else if (asks && (c->revoke || c->disable))
        fleet_up_refuse(c, STATUS_BAD_VALUE,
                        "state=: what is imported into a fleet is active; revoke it then");
    else if (asks && c->want.has_signed)
        fleet_up_refuse(
            c, STATUS_BAD_VALUE,
            "token=: a signed token is denied by its signed part, too, which the fleet does not "
            "know: import it on each host");
    return asks && c->fleet_stage == CHANGE_LOCAL;
}

static bool concerns(struct writer *w, struct change *c, enum fleet_up_event event)
{
    if (is_new(event))
        return new_concerns(w, c);
    return w->fleet != NULL && (look(w, c->id) & SLOT_FLEET) != 0;
}

/* -- holding ------------------------------------------------------------------------------------- */

/* Make of the token what the change asks for, as if it were one of this host.  False: it is refused. */
static bool apply(struct writer *w, struct change *c, enum fleet_up_event event, int64_t now)
{
    enum store_found found = STORE_FOUND;

    c->has_sha256 = c->want.has_signed = false; /* the fleet knows tokens by their digests alone */
    if (!is_new(event)) {
        found = fleet_read(w->fleet, c->id, &w->fleet_up->record);
        c->fleet = &w->fleet_up->record;
    }
    if (found == STORE_ABSENT && c->kind->deny != 0) /* the table has it: it was not saved */
        problem_set(&c->problem, STATUS_STORE,
                    "in force on this host until jetond stops, and not saved: %s",
                    w->fleet->snapshot != 0 ?
                        "the token has come with a snapshot of the fleet that is not complete; ask "
                        "again when it is" :
                        "the disk has refused the token itself; ask again when it can be written");
    else if (found == STORE_ABSENT)
        problem_set(&c->problem, STATUS_UNKNOWN, "%s", status_row(STATUS_UNKNOWN)->meaning);
    else if (found == STORE_FAILED)
        problem_set(&c->problem, STATUS_STORE,
                    "the fleet's cache cannot be read (see jetond's log)");
    else if (!commit_apply_try(w, c, now) && c->problem.status == STATUS_OK)
        problem_set(&c->problem, STATUS_STORE, "the store cannot be read");
    c->fleet = NULL;
    c->before = NULL;                      /* it is not kept that long */
    c->bans = c->new_bans = c->lapses = 0; /* the fleet's tokens leave tombstones */
    return c->problem.status == STATUS_OK;
}

static uint64_t deadline(const struct change *c, uint64_t now)
{
    int64_t seconds = c->given & KEY_BIT(KEY_WAIT) ? c->wait : FLEET_UP_WAIT;

    if (c->given &
        KEY_BIT(KEY_CONFIRM)) /* hosts are counted for so long: then that is to be answered */
        seconds += FLEET_UP_CONFIRM_MORE;
    return now + (uint64_t)seconds * CLOCK_SECOND;
}

struct fleet_up_request *fleet_up_ask(struct fleet_up *u, enum fleet_up_event event, uid_t by,
                                      const struct record *after, const uint8_t *about,
                                      struct change *waiter)
{
    char bytes[LINE_MAX_BYTES];
    struct text claims = text_in(bytes, sizeof(bytes));

    fleet_reply_claims(&claims, event, after, waiter != NULL ? waiter->given : 0);
    struct fleet_up_request *r = fleet_up_request_new(event, after->digest, by,
                                                      text_slice(&claims));
    if (r == NULL)
        return NULL;
    if (about != NULL)
        memcpy(r->about, about, DIGEST_SIZE);
    if (waiter != NULL) {
        r->confirm = (waiter->given & KEY_BIT(KEY_CONFIRM)) != 0;
        r->wait = waiter->given & KEY_BIT(KEY_WAIT) ? waiter->wait : FLEET_UP_WAIT;
    }
    if (fleet_up_queue_add(&u->queue, r) < 0) {
        fleet_up_request_free(r);
        return NULL;
    }
    if (waiter != NULL)
        mail_append(&r->waiters, &waiter->mail);
    u->news = true;
    return r;
}

static bool refuse(struct change *c, enum status status, const char *why)
{
    fleet_up_refuse(c, status, why);
    return false;
}

/* True if so many wait already that this one, of no administrator, must not. */
static bool is_crowded(const struct fleet_up *u, const struct change *c)
{
    return c->of_others && u->others >= FLEET_UP_OTHERS_MAX;
}

/* Hold a denial, which is in force from now on, whatever becomes of it. */
static bool hold_denial(struct writer *w, struct change *c, enum fleet_up_event event, int64_t now)
{
    struct fleet_up *u = w->fleet_up;
    bool confirm = (c->given & KEY_BIT(KEY_CONFIRM)) != 0;

    if (!apply(w, c, event, now))
        return false;
    struct fleet_up_request *r = fleet_up_queue_denial(&u->queue, event, c->found.digest, confirm);
    if (r != NULL) {
        mail_append(&r->waiters, &c->mail);
    } else {
        r = fleet_up_ask(u, event, c->uid, &c->found, NULL, c);
        if (r == NULL)
            return refuse(c, STATUS_INTERNAL,
                          "in force on this host until jetond stops, and no more: no memory");
        fleet_up_stage_denial(w, r, now);
    }
    fleet_up_enter(u, c);
    if (u->taker == 0 || is_crowded(u, c))
        c->fleet_by = 0; /* as soon as it is saved */
    return true;
}

/* Let a change wait while something else about its token is under way: it is applied to what that makes of it, and
 * comes to the database after it.  False: it need not. */
static bool defer(struct writer *w, struct change *c)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;

    token_table_look(w->token_table, c->id, digest, &used);
    if (!fleet_up_queue_is_busy(&w->fleet_up->queue, digest))
        return false;
    c->fleet_stage = CHANGE_HELD;
    mail_append(&w->fleet_up->deferred, &c->mail);
    fleet_up_note_due(w->fleet_up, c->fleet_by);
    return true;
}

/* True for a change by which its subject has one token more. */
static bool adds_token(const struct change *c, enum fleet_up_event event)
{
    return is_new(event) || (event == FLEET_UP_ROTATE && c->found.revoked == 0) ||
           (event == FLEET_UP_UPDATE && (c->given & KEY_BIT(KEY_SUBJECT)) != 0);
}

/* Hold a change that has to be confirmed before it is in force anywhere. */
static bool hold_change(struct writer *w, struct change *c, enum fleet_up_event event, int64_t now)
{
    struct fleet_up *u = w->fleet_up;

    /* The names of users are a host's own: who has one here is not who has it elsewhere. */
    if (c->by_self)
        return apply(w, c, event, now) &&
               refuse(c, STATUS_FORBIDDEN,
                      "a token of the fleet: over this socket it can be revoked, and no more");
    if (u->taker == 0)
        return refuse(c, STATUS_UNAVAILABLE,
                      "no agent of the fleet is connected to this host; nothing was done");
    if (!is_new(event) && defer(w, c))
        return true;
    if (!apply(w, c, event, now))
        return false;
    if (!c->of_many && fleet_up_queue_is_full(&u->queue, c->uid))
        return refuse(c, STATUS_BUSY,
                      "too many changes wait for the fleet's database; nothing was done");
    const uint8_t *about = event == FLEET_UP_ROTATE ? c->found.digest : NULL;
    if (fleet_up_ask(u, event, c->uid, c->after, about, c) == NULL)
        return refuse(c, STATUS_INTERNAL, "no memory; nothing was done");
    if (adds_token(c, event))
        fleet_up_count(w, c, true);
    return true;
}

static bool hold(struct writer *w, struct change *c, enum fleet_up_event event, int64_t now)
{
    struct fleet_up *u = w->fleet_up;

    fleet_up_find_taker(w);
    if (c->fleet_by == 0)
        c->fleet_by = deadline(c, clock_monotonic());
    bool held = fleet_up_is_denial(event) ? hold_denial(w, c, event, now) :
                                            hold_change(w, c, event, now);
    c->fleet_stage = held ? CHANGE_HELD : CHANGE_SETTLED;
    if (held)
        fleet_up_note_due(u, c->fleet_by);
    if (held && c->of_others) { /* a denial: they may ask for nothing else */
        c->is_held_of_others = true;
        u->others++;
    }
    return held;
}

bool fleet_up_takes(struct writer *w, struct change *c, int64_t now)
{
    enum fleet_up_event event;

    if (w->fleet == NULL && (c->given & KEY_BIT(KEY_GROUP)) == 0)
        return false;
    if (c->fleet_stage == CHANGE_SETTLED || !event_of(c, &event) || !concerns(w, c, event))
        return false;
    c->fleet_stage = CHANGE_LOCAL; /* it may have been deferred */
    return hold(w, c, event, now);
}

void fleet_up_try(struct writer *w, struct change *c, int64_t now)
{
    enum fleet_up_event event;

    if (event_of(c, &event))
        apply(w, c, event, now);
}

/* -- entries ------------------------------------------------------------------------------------- */

int fleet_up_apply(struct writer *w, const struct fleet_entry *entry)
{
    w->fleet_up->staged = true;
    return fleet_apply_entry(w, entry);
}

/* -- beginning and end --------------------------------------------------------------------------- */

static const enum fleet_up_event event_of_unsent[FLEET_DENIALS] = {
    [FLEET_REVOKE] = FLEET_UP_REVOKE,
    [FLEET_DISABLE] = FLEET_UP_DISABLE,
    [FLEET_DELETE] = FLEET_UP_DELETE,
    [FLEET_END] = FLEET_UP_END,
};

/* Queue what an earlier start has left. */
static bool load_unsent(struct fleet_up *u, struct fleet *fleet)
{
    struct fleet_entry *entry = &u->found;
    struct fleet_unsent denial;

    for (uint64_t number = 0; fleet_cache_unsent_next(fleet->cache, &number, &denial);) {
        enum fleet_up_event event = event_of_unsent[denial.event];
        if (fleet_cache_find(fleet->cache, denial.digest, entry) != STORE_FOUND ||
            event == FLEET_UP_DELETE)
            continue;
        if (event == FLEET_UP_END)
            fleet_up_end_record(&entry->record, denial.time);
        struct fleet_up_request *r = fleet_up_ask(u, event, denial.by, &entry->record, NULL, NULL);
        if (r == NULL)
            return false;
        fleet_up_queue_stays(&u->queue, r);
        r->unsent = denial.number;
        r->end = denial.time;
    }
    return true;
}

struct fleet_up *fleet_up_new(struct fleet *fleet, struct problem *problem)
{
    struct fleet_up *u = calloc(1, sizeof(*u));

    if (u != NULL) {
        /* Numbers of this start are above those of all earlier ones, as those gave fewer than one a nanosecond: what an
         * agent still has under way must not pass for another request of the same number. */
        fleet_up_queue_begin(&u->queue, (uint64_t)clock_boottime());
        TAILQ_INIT(&u->answered);
        TAILQ_INIT(&u->kept);
        TAILQ_INIT(&u->saving);
        TAILQ_INIT(&u->unsaved);
        u->next_due = u->next_retry = UINT64_MAX;
    }
    if (u != NULL && load_unsent(u, fleet))
        return u;
    problem_set(problem, STATUS_INTERNAL, "no memory");
    fleet_up_free(u);
    return NULL;
}
