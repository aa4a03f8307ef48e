/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/change_self.h"

#include "daemon/base/clock.h"
#include "daemon/config/policy.h"
#include "daemon/writer/change_apply.h"
#include "daemon/writer/publish.h"

enum status change_self_begin(struct change *c, struct slice user, struct problem *problem)
{
    bool named = (c->given & KEY_BIT(KEY_SUBJECT)) != 0;

    if (named && !slice_equal(record_subject(&c->want), user))
        return problem_set(problem, STATUS_FORBIDDEN,
                           "subject=: over this socket it is your own name, and need not be given");
    const char *fault = record_set_subject(&c->want, user);
    if (fault != NULL)
        return problem_set(problem, STATUS_FORBIDDEN, "your name cannot be a subject: %s", fault);
    c->given &= ~KEY_BIT(KEY_SUBJECT);
    c->by_self = true;
    c->withheld = c->kind->deny != 0;
    return STATUS_OK;
}

/* -- in a transaction -------------------------------------------------------------------------- */

static bool refuse(struct change *c, enum status status)
{
    problem_set(&c->problem, status, "%s", status_row(status)->meaning);
    return false;
}

/* Find out whether the token that the change is about is the user's. */
static bool is_own(struct change *c, struct store *store)
{
    switch (change_read(c, store, c->id)) {
    case STORE_FOUND:
        break;
    case STORE_ABSENT:
        return refuse(c, STATUS_UNKNOWN);
    case STORE_FAILED:
        return refuse(c, STATUS_STORE);
    }
    return record_belongs_to(&c->found, record_subject(&c->want), c->uid) ||
           refuse(c, STATUS_UNKNOWN);
}

void change_self_find(struct change *c, struct store *store)
{
    if (c->withheld && store_get(store, c->id, &c->found) == STORE_FOUND)
        c->withheld = !record_belongs_to(&c->found, record_subject(&c->want), c->uid);
}

/* Return how many tokens of a user may be listed; UINT64_MAX: any number. */
static uint64_t listed_max(const struct change *c)
{
    uint64_t tokens = c->policies->self.max_tokens_per_subject;

    if (tokens == 0)
        return UINT64_MAX;
    return tokens > CHANGE_SELF_LISTED / 10 ? 10 * tokens : CHANGE_SELF_LISTED;
}

/* Bound what a user can make the store keep: ended tokens stay until their retention is over. */
static bool has_place(struct change *c, struct subject_index *subjects)
{
    uint64_t max = listed_max(c);

    if (max == UINT64_MAX || subject_index_count(subjects, record_subject(&c->want), max) < max)
        return true;
    struct text t = text_in(c->refusal, sizeof(c->refusal));
    line_puts(&t, "rule", "listed");
    line_put_u64(&t, "max", max);
    line_puts(&t, "policy", POLICY_SELF_NAME);
    c->refusal_len = (uint16_t)t.len;
    problem_set(&c->problem, STATUS_POLICY,
                "as many of your tokens are kept as may be, ended ones "
                "included, which go after their retention");
    return false;
}

/* Bound how fast a user fills the journal.  A denial is one entry for each token, and never refused. */
static bool has_turn(struct change *c, struct change_rates *rates)
{
    int64_t wait = c->kind->deny == 0 ? change_rate_take(rates, c->uid, clock_seconds()) : 0;

    if (wait == 0)
        return true;
    struct text t = text_in(c->refusal, sizeof(c->refusal));
    line_put_u64(&t, "retry_after", (uint64_t)wait);
    c->refusal_len = (uint16_t)t.len;
    problem_set(&c->problem, STATUS_BUSY,
                "you have made as many changes as you may for now: %d, and one in %d seconds",
                CHANGE_RATE_BURST, CHANGE_RATE_SECONDS);
    return false;
}

bool change_self_permits(struct change *c, struct writer *w)
{
    if (!c->by_self)
        return true;
    if (c->kind != &change_create && !is_own(c, w->store))
        return false;
    if (!has_turn(c, &w->rates))
        return false;
    if (!c->kind->adds)
        return true;
    if (c->policies != NULL && subject_index_build(&w->subjects, &w->index, w->token_table))
        return has_place(c, &w->subjects);
    problem_set(&c->problem, STATUS_INTERNAL, "no memory");
    return false;
}

/* True if an administrator gives the token another subject. */
static bool gives_away(const struct change *c)
{
    return c->kind == &change_update && (c->given & KEY_BIT(KEY_SUBJECT)) != 0;
}

void change_self_settle(struct change *c, struct token_table *token_table)
{
    if (c->problem.status != STATUS_OK)
        return;
    if (c->by_self && c->is_new) {
        c->want.has_owner = true;
        c->want.owner = c->uid;
    } else if (c->rotates) {
        c->want.has_owner = c->found.has_owner;
        c->want.owner = c->found.owner;
    } else if (gives_away(c)) {
        c->found.has_owner = false;
    }
    if (c->withheld) {
        c->withheld = false;
        publish_denial(c, token_table);
    }
}

/* -- the index --------------------------------------------------------------------------------- */

void change_self_index(const struct change *c, struct token_table *token_table,
                       struct subject_index *subjects)
{
    const struct record *r = c->after;
    bool moves = c->puts && gives_away(c);

    if (moves || c->removes)
        subject_index_remove(subjects, token_table, r->digest, r->created, r->serial);
    if (moves || c->is_new)
        subject_index_add(subjects, record_subject(r), r->created, r->serial, r->digest);
}
