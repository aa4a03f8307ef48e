/* SPDX-License-Identifier: Apache-2.0 */
/* End what the database has answered.  `done` of many requests come one by one, and are settled together, with one
 * commit of the cache and one of the journal. */
#include <errno.h>

#include "daemon/base/log.h"
#include "daemon/writer/bulk.h"
#include "daemon/writer/change_apply.h"
#include "daemon/writer/fleet_up.h"
#include "daemon/writer/fleet_up_kept.h"
#include "daemon/writer/fleet_up_private.h"

static struct change *change_of(struct mail *mail)
{
    return (struct change *)mail;
}

static struct change *first_waiter(const struct fleet_up_request *r)
{
    return change_of(r->waiters.first);
}

/* Note in the change of many tokens what became of one. */
static void note_of_many(struct change *c)
{
    struct bulk *b = c->sender;

    c->sender = NULL;
    if (b == NULL)
        return;
    b->waiting--;
    b->narrows = b->narrows || change_narrows(c);
    if (c->problem.status == STATUS_OK) {
        b->changed++;
        if (c->fleet_outcome.place.serial > b->fleet_outcome.place.serial)
            b->fleet_outcome = c->fleet_outcome;
    } else if (b->problem.status == STATUS_OK) {
        b->problem = c->problem;
    }
}

void fleet_up_count(struct writer *w, struct change *c, bool held)
{
    struct subject_counts *counts = &w->policy.counts;

    if (held == c->is_counted || c->after->revoked != 0 || !subject_counts_reserve(counts))
        return;
    c->is_counted = held;
    subject_counts_note(counts, record_subject(c->after), c->after->expires, held);
}

void fleet_up_settle(struct writer *w, struct change *c)
{
    fleet_up_count(w, c, false);
    w->fleet_up->others -= c->is_held_of_others;
    c->is_held_of_others = false;
    c->fleet_stage = CHANGE_SETTLED;
    /* Nothing of it is to be put, but its entry is. */
    c->puts = c->rotates = c->removes = c->is_new = c->is_so = false;
    if (c->of_many)
        note_of_many(c);
    mail_append(&w->waiting, &c->mail);
    w->fleet_up->news = true;
}

static void settle_all(struct writer *w, struct fleet_up_request *r)
{
    for (struct mail *m; (m = mail_pop(&r->waiters)) != NULL;)
        fleet_up_settle(w, change_of(m));
}

void fleet_up_drop(struct fleet_up *u, struct fleet_up_request *r)
{
    fleet_up_queue_forget(&u->queue, r);
    fleet_up_request_free(r);
    u->news = u->news || u->deferred.first != NULL;
}

/* -- done ---------------------------------------------------------------------------------------- */

bool fleet_up_done(struct fleet_up *u, uint64_t number, const struct change_fleet_outcome *outcome)
{
    struct fleet_up_request *r = fleet_up_queue_answered(&u->queue, number);

    if (r == NULL)
        return false;
    r->outcome = *outcome;
    r->since = clock_monotonic();
    TAILQ_INSERT_TAIL(&u->answered, r, link);
    u->answered_count++;
    return true;
}

/* Let a token have what an update has given. */
static void update_record(struct record *r, const struct change *c)
{
    const struct record *after = c->after;

    if (c->given & KEY_BIT(KEY_SUBJECT))
        record_set_subject(r, record_subject(after));
    if (c->given & KEY_BIT(KEY_SCOPES))
        record_set_scopes(r, record_scopes(after));
    if (c->given & KEY_BIT(KEY_DESCRIPTION))
        record_set_description(r, record_description(after));
    if ((c->given & (KEY_BIT(KEY_EXPIRES) | KEY_BIT(KEY_TTL))) == 0)
        return;
    r->expires = after->expires;
    r->own_end = after->own_end;
}

/* Make in `comes` what a request makes of what the token is now: the feed may have brought more since it was asked
 * for.  False: it is as it is to be. */
static bool make_entry(struct writer *w, const struct fleet_up_request *r, const struct change *c)
{
    struct fleet_up *u = w->fleet_up;
    struct record *record = &u->comes.record;
    bool changes = r->event == FLEET_UP_UPDATE || r->event == FLEET_UP_ENABLE;
    bool has = fleet_cache_find(w->fleet->cache, r->digest, &u->found) == STORE_FOUND;

    if (changes && has && !u->found.deleted) {
        record_copy(record, &u->found.record);
        record->disabled = r->event == FLEET_UP_ENABLE ? 0 : record->disabled;
        record->has_disabled_by = record->has_disabled_by && record->disabled != 0;
        if (r->event == FLEET_UP_UPDATE)
            update_record(record, c);
        return true;
    }
    record_copy(record, r->event == FLEET_UP_DELETE ? &c->found : c->after);
    /* Of a new token that is there, the feed has brought these claims, or newer ones. */
    return r->event == FLEET_UP_DELETE || (!changes && !(has && !fleet_entry_is_denied(&u->found)));
}

/* Let what the database has committed be in force here, unless the feed has brought it, and perhaps more, or
 * nobody waits to read it. */
static void take_effect(struct writer *w, const struct fleet_up_request *r, const struct change *c)
{
    struct fleet_place here = fleet_cache_place(w->fleet->cache);
    struct fleet_entry *entry = &w->fleet_up->comes;

    if (here.serial >= r->outcome.place.serial || !make_entry(w, r, c))
        return;
    entry->deleted = r->event == FLEET_UP_DELETE;
    entry->enables = r->event == FLEET_UP_ENABLE;
    fleet_up_kept_hold(w->fleet_up, entry, r->outcome.place.serial);
    fleet_up_apply(w, entry);
}

/* Ask for the end of a token that was rotated, now that the new one is there.  False: there is nothing to ask. */
static bool ask_end(struct writer *w, struct fleet_up_request *r, struct change *c, int64_t now)
{
    struct fleet_up *u = w->fleet_up;
    bool revokes = c->found.revoked != 0;

    if (c->ends == NULL)
        return false;
    struct fleet_up_request *end = fleet_up_ask(u, revokes ? FLEET_UP_REVOKE : FLEET_UP_END, c->uid,
                                                &c->found, NULL, NULL);
    r->outcome.pending = true; /* until that is done */
    c->fleet_outcome = r->outcome;
    if (end == NULL) {
        c->ends = NULL;
        return false;
    }
    fleet_up_queue_stays(&u->queue, end);
    end->confirm = (c->given & KEY_BIT(KEY_CONFIRM)) != 0;
    end->wait = r->wait;
    mail_pop(&r->waiters);
    mail_append(&end->waiters, &c->mail);
    if (!revokes) { /* with its successor, which the claims that are sent do not have */
        record_copy(&u->comes.record, &c->found);
        u->comes.deleted = u->comes.enables = false;
        fleet_up_apply(w, &u->comes);
    }
    end->end = c->found.expires;
    fleet_up_stage_denial(w, end, now);
    return true;
}

/* Of a rotation's second half the place is later than the new token's: both are in force there. */
static void note_outcome(struct fleet_up_request *r)
{
    for (struct mail *m = r->waiters.first; m != NULL; m = m->next)
        change_of(m)->fleet_outcome = r->outcome;
}

static void settle(struct writer *w, struct fleet_up_request *r, int64_t now)
{
    struct change *c = first_waiter(r);
    bool asks_more = false;

    if (r->stays) {
        fleet_up_unstage(w, r);
        if (c == NULL)
            fleet_up_enter_done(w, r);
    } else if (c != NULL) {
        take_effect(w, r, c);
        asks_more = r->event == FLEET_UP_ROTATE && ask_end(w, r, c, now);
    }
    if (!asks_more)
        note_outcome(r);
    settle_all(w, r);
    if (!fleet_up_kept_add(w->fleet_up, r, fleet_cache_place(w->fleet->cache).serial))
        fleet_up_drop(w->fleet_up, r);
}

void fleet_up_settle_done(struct writer *w, int64_t now, bool all)
{
    struct fleet_up *u = w->fleet_up;
    const struct fleet_up_request *oldest = TAILQ_FIRST(&u->answered);
    bool more_may_come = u->queue.outstanding > 0 && u->answered_count < FLEET_UP_TOGETHER;

    if (oldest == NULL ||
        (more_may_come && !all && clock_monotonic() < oldest->since + FLEET_UP_SETTLE_WITHIN))
        return;
    for (struct fleet_up_request *r; (r = TAILQ_FIRST(&u->answered)) != NULL;) {
        TAILQ_REMOVE(&u->answered, r, link);
        settle(w, r, now);
    }
    u->answered_count = 0;
}

/* -- failed -------------------------------------------------------------------------------------- */

enum failure { FAILED_LATER, FAILED_PERHAPS, FAILED_FOR_GOOD };

static const struct {
    const char *word;
    enum failure failure;
    enum status status;
} codes[] = {
    { "unavailable", FAILED_LATER, STATUS_UNAVAILABLE },
    { "not-confirmed", FAILED_PERHAPS, STATUS_UNAVAILABLE },
    { "denied", FAILED_FOR_GOOD, STATUS_FORBIDDEN },
    { "exists", FAILED_FOR_GOOD, STATUS_EXISTS },
    { "unknown", FAILED_FOR_GOOD, STATUS_UNKNOWN },
    { "bad-value", FAILED_FOR_GOOD, STATUS_BAD_VALUE },
    { NULL, FAILED_PERHAPS, STATUS_UNAVAILABLE }, /* a word that this version does not know */
};

static size_t code_named(struct slice word)
{
    size_t at = 0;

    while (codes[at].word != NULL && !slice_is(word, codes[at].word))
        at++;
    return at;
}

/* Copy a message for people from the agent, printable. */
static void copy_message(char *to, size_t size, struct slice message)
{
    size_t len = message.len < size - 1 ? message.len : size - 1;

    for (size_t i = 0; i < len; i++)
        to[i] = message.at[i] >= ' ' && message.at[i] <= '~' ? message.at[i] : '?';
    to[len] = '\0';
}

static void explain_denial(const struct fleet_up_request *r, struct change *c, size_t code,
                           const char *why)
{
    if (codes[code].failure == FAILED_FOR_GOOD)
        problem_set(&c->problem, codes[code].status,
                    "in force on this host alone: the fleet's database does not take it: %s", why);
    else
        fleet_up_explain_denial(r, c, why);
}

/* An earlier offer, whose answer was lost, may have been carried out, whatever is said of this one. */
static void explain_change(const struct fleet_up_request *r, struct change *c, size_t code,
                           const char *why)
{
    struct text t = text_in(c->refusal, sizeof(c->refusal));

    if (codes[code].failure != FAILED_PERHAPS && r->offers <= 1) {
        problem_set(&c->problem, codes[code].status, "not done by the fleet's database: %s", why);
        return;
    }
    text_adds(&t, " id=");
    text_add_hex(&t, c->after->digest, ID_SIZE);
    c->refusal_len = (uint16_t)t.len;
    problem_set(
        &c->problem, STATUS_UNAVAILABLE,
        "perhaps done, not confirmed: look for the token, and revoke what is not wanted: %s", why);
}

static void explain(const struct fleet_up_request *r, struct change *c, size_t code,
                    const char *why)
{
    if (c->kind == &change_rotate && r->event != FLEET_UP_ROTATE)
        return; /* the new token is there, and its value is to be shown */
    if (fleet_up_is_denial(r->event))
        explain_denial(r, c, code, why);
    else
        explain_change(r, c, code, why);
}

/* The database refuses what is in force here: it stays so, and is not asked for again. */
static void give_up_denial(struct writer *w, struct fleet_up_request *r, const char *why)
{
    char id[ID_TEXT + 1] = "";
    struct text t = text_in(id, ID_TEXT);

    text_add_hex(&t, r->digest, ID_SIZE);
    log_warning(
        "fleet: the database does not take a change of %s (%s), which holds on this host alone: %s",
        id, fleet_up_event_word(r->event), why);
    w->fleet_up->refused++;
    fleet_up_unstage(w, r);
    fleet_up_drop(w->fleet_up, r);
}

/* A token that was to be created has come to the database with an earlier offer, whose answer was lost: ask for a
 * change of what is there, so that its place is confirmed. */
static bool was_created(const struct fleet_up_request *r, size_t code)
{
    return codes[code].status == STATUS_EXISTS && r->offers > 1 &&
           (r->event == FLEET_UP_CREATE || r->event == FLEET_UP_ROTATE);
}

bool fleet_up_failed(struct writer *w, uint64_t number, struct slice word, struct slice message)
{
    struct fleet_up *u = w->fleet_up;
    struct fleet_up_request *r = fleet_up_queue_answered(&u->queue, number);
    size_t code = code_named(word);
    char why[240];

    if (r == NULL)
        return false;
    copy_message(why, sizeof(why), message.len > 0 ? message : word);
    if (was_created(r, code)) {
        fleet_up_queue_ask_again(&u->queue, r);
        u->news = true;
        return true;
    }
    for (struct mail *m = r->waiters.first; m != NULL; m = m->next)
        explain(r, change_of(m), code, why);
    settle_all(w, r);
    if (!r->stays)
        fleet_up_drop(u, r);
    else if (codes[code].failure == FAILED_FOR_GOOD)
        give_up_denial(w, r, why);
    else
        fleet_up_queue_put_back(&u->queue, r,
                                clock_monotonic() + FLEET_UP_RETRY * (uint64_t)CLOCK_SECOND);
    return true;
}
