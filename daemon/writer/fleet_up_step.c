/* SPDX-License-Identifier: Apache-2.0 */
/* What is due with changes for the database, at each turn of the writer's thread. */
#include <limits.h>

#include "daemon/writer/bulk.h"
#include "daemon/writer/change_apply.h"
#include "daemon/writer/fleet_up.h"
#include "daemon/writer/fleet_up_kept.h"
#include "daemon/writer/fleet_up_private.h"

static struct change *change_of(struct mail *mail)
{
    return (struct change *)mail;
}

/* -- who takes requests ----------------------------------------------------------------------------- */

void fleet_up_find_taker(struct writer *w)
{
    struct fleet_up *u = w->fleet_up;
    uint64_t taker = fleet_status_taker(w->fleet->status);

    if (taker == u->taker)
        return;
    fleet_up_queue_withdraw(&u->queue);
    u->taker = taker;
    u->news = true;
    u->next_due = 0; /* nobody may answer now: see who waits */
}

/* -- deadlines -------------------------------------------------------------------------------------- */

/* Say of a new token which one it may be. */
static void name_token(struct change *c)
{
    struct text t = text_in(c->refusal, sizeof(c->refusal));

    text_adds(&t, " id=");
    text_add_hex(&t, c->after->digest, ID_SIZE);
    c->refusal_len = (uint16_t)t.len;
}

void fleet_up_explain_denial(const struct fleet_up_request *r, struct change *c, const char *why)
{
    if (r->unsent == 0)
        problem_set(
            &c->problem, STATUS_STORE,
            "in force on this host, but not saved: the disk refuses it (see jetond's log); it is sent "
            "to the fleet's database unless jetond stops before that: %s",
            why);
    else
        problem_set(&c->problem, STATUS_UNAVAILABLE,
                    "in force on this host; it is sent to the database when that is reached: %s",
                    why);
}

static void explain_change(const struct fleet_up_request *r, struct change *c)
{
    if (r->offers == 0) {
        problem_set(&c->problem, STATUS_UNAVAILABLE,
                    "the fleet's agent has not taken it in time; nothing was done");
        return;
    }
    name_token(c);
    problem_set(
        &c->problem, STATUS_UNAVAILABLE,
        "perhaps done, not confirmed: the fleet's database has not answered in time; look for the token, and "
        "revoke what is not wanted");
}

void fleet_up_give_up(struct writer *w, const struct fleet_up_request *r, struct change *c)
{
    if (c->kind == &change_rotate && r->event != FLEET_UP_ROTATE)
        ; /* the new token is there, and its value is to be shown: its outcome says what is pending */
    else if (fleet_up_is_denial(r->event))
        fleet_up_explain_denial(r, c,
                                w->fleet_up->taker == 0 ?
                                    "no agent of the fleet is connected to this host" :
                                    "the fleet's database has not answered in time");
    else
        explain_change(r, c);
    fleet_up_settle(w, c);
}

static bool is_due(const struct fleet_up *u, const struct change *c, uint64_t now)
{
    bool is_denial = c->kind->deny != 0;

    return c->fleet_by <= now || (is_denial && u->taker == 0);
}

/* Answer those whose time is over.  True: the request is of no more use. */
static bool end_waiting(struct writer *w, struct fleet_up_request *r, uint64_t now)
{
    struct mail_list all = r->waiters;

    r->waiters = (struct mail_list){ NULL, NULL };
    for (struct mail *m; (m = mail_pop(&all)) != NULL;) {
        struct change *c = change_of(m);
        if (is_due(w->fleet_up, c, now)) {
            fleet_up_give_up(w, r, c);
            continue;
        }
        fleet_up_note_due(w->fleet_up, c->fleet_by);
        mail_append(&r->waiters, m);
    }
    return r->waiters.first == NULL && !r->stays && !r->offered;
}

/* A request whose answer is here is settled, whatever its deadline. */
static bool is_answered(const struct fleet_up_request *r)
{
    return r->outcome.place.serial != 0;
}

static void end_waiting_all(struct writer *w, uint64_t now)
{
    struct fleet_up *u = w->fleet_up;

    u->next_due = UINT64_MAX;
    for (size_t i = 0; i < FLEET_UP_BUCKETS; i++) {
        for (struct fleet_up_request *r = u->queue.about[i], *next; r != NULL; r = next) {
            next = r->same;
            if (is_answered(r) || r->waiters.first == NULL || !end_waiting(w, r, now))
                continue;
            fleet_up_queue_remove(&u->queue, r);
            fleet_up_drop(u, r);
        }
    }
    for (const struct mail *m = u->deferred.first; m != NULL; m = m->next)
        fleet_up_note_due(u, ((const struct change *)m)->fleet_by);
}

/* Let what was deferred try again: its token may have nothing under way any more, or its time is over. */
static void end_deferred(struct writer *w, bool all, uint64_t now)
{
    struct mail_list deferred = w->fleet_up->deferred;

    w->fleet_up->deferred = (struct mail_list){ NULL, NULL };
    for (struct mail *m; (m = mail_pop(&deferred)) != NULL;) {
        struct change *c = change_of(m);
        if (c->fleet_by <= now) {
            problem_set(
                &c->problem, STATUS_UNAVAILABLE,
                "another change of the token has not come to the fleet's database in time; nothing was "
                "done");
            fleet_up_settle(w, c);
        } else if (all) {
            mail_append(&w->waiting, m);
        } else {
            mail_append(&w->fleet_up->deferred, m);
        }
    }
}

/* -- steps ------------------------------------------------------------------------------------------ */

/* Note once that what is tried again is due. */
static void note_later(struct fleet_up *u, uint64_t now)
{
    const struct fleet_up_request *r = TAILQ_FIRST(&u->queue.later);
    bool due = r != NULL && r->not_before <= now;

    u->news = u->news || (due && !u->later_noted);
    u->later_noted = due;
}

static void note_figures(struct writer *w)
{
    w->fleet->figures.waiting = w->fleet_up->queue.changes;
    fleet_show(w->fleet);
}

bool fleet_up_step(struct writer *w, int64_t now)
{
    struct fleet_up *u = w->fleet_up;

    if (u == NULL)
        return false;
    fleet_up_find_taker(w);
    fleet_up_kept_pass(u, fleet_cache_place(w->fleet->cache).serial);
    fleet_up_save_again(w, now);
    fleet_up_commit(w);
    fleet_up_settle_done(w, now, false);
    fleet_up_commit(w);
    uint64_t moment = clock_monotonic();
    bool due = u->next_due <= moment;
    if (due)
        end_waiting_all(w, moment);
    note_later(u, moment);
    bool news = u->news;
    if (news || due)
        end_deferred(w, news, moment);
    u->news = false;
    if (news)
        note_figures(w);
    return news;
}

bool fleet_up_finish(struct writer *w)
{
    if (w->fleet_up == NULL)
        return false;
    fleet_up_settle_done(w, clock_wall(), true);
    fleet_up_commit(w);
    end_waiting_all(w, UINT64_MAX);
    end_deferred(w, false, UINT64_MAX);
    bool news = w->fleet_up->news;
    w->fleet_up->news = false;
    return news;
}

static int milliseconds_to(uint64_t moment, uint64_t now)
{
    uint64_t left = moment > now ? (moment - now + 999999) / 1000000 : 0;

    return left < INT_MAX ? (int)left : INT_MAX;
}

int fleet_up_wait(const struct fleet_up *u)
{
    uint64_t now = clock_monotonic(), next = UINT64_MAX;

    if (u == NULL)
        return INT_MAX;
    const struct fleet_up_request *later = TAILQ_FIRST(&u->queue.later),
                                  *answered = TAILQ_FIRST(&u->answered);
    next = u->next_due < u->next_retry ? u->next_due : u->next_retry;
    if (later != NULL && !u->later_noted && later->not_before < next)
        next = later->not_before;
    if (answered != NULL && answered->since + FLEET_UP_SETTLE_WITHIN < next)
        next = answered->since + FLEET_UP_SETTLE_WITHIN;
    return milliseconds_to(next, now);
}

/* -- many tokens ------------------------------------------------------------------------------------ */

static void detach(struct mail_list *list, const struct bulk *b)
{
    for (struct mail *m = list->first; m != NULL; m = m->next)
        if (change_of(m)->of_many && change_of(m)->sender == b)
            change_of(m)->sender = NULL;
}

void fleet_up_detach(struct writer *w, const struct bulk *b)
{
    struct fleet_up *u = w->fleet_up;

    for (size_t i = 0; u != NULL && i < FLEET_UP_BUCKETS; i++)
        for (struct fleet_up_request *r = u->queue.about[i]; r != NULL; r = r->same)
            detach(&r->waiters, b);
    if (u != NULL)
        detach(&u->deferred, b);
}
