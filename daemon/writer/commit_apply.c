/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/commit_apply.h"

#include "daemon/store/store_saving.h"
#include "daemon/table/digest_scheme.h"
#include "daemon/writer/change_apply.h"
#include "daemon/writer/change_ban.h"
#include "daemon/writer/change_self.h"
#include "daemon/writer/scheme_load.h"

/* The table has every token of the store: what is not there need not be looked for on the disk. */
static bool add_token(struct writer *w, struct change *c)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;
    uint32_t flags = token_table_look(w->token_table, c->after->digest, digest, &used);
    enum store_found found = (flags & SLOT_FLEET) != 0 ? STORE_FOUND :
                             flags == 0                ? store_add_new(w->store, c->after) :
                                                         store_add(w->store, c->after);

    if (found == STORE_FOUND) {
        problem_set(&c->problem, STATUS_EXISTS, "%s", status_row(STATUS_EXISTS)->meaning);
        c->puts = c->rotates = c->is_new = false;
        c->bans = c->new_bans = c->lapses = 0;
    }
    return found != STORE_FAILED;
}

/* Put the outcome into the store; refuse to add a token that is there.  False: the transaction is
 * spoilt. */
static bool put(struct writer *w, struct change *c)
{
    bool ok = true;

    if (c->removes)
        ok = store_remove(w->store, c->after->digest);
    else if (c->is_new)
        ok = add_token(w, c);
    else if (c->puts)
        ok = store_put(w->store, c->after);
    return ok && change_ban_put(c, w->store);
}

typedef bool entry_adder(const struct change *c, struct journal *j, struct slice claims,
                         int64_t now);

/* Add a journal entry about a record, or (NULL) the one that was put last, in the next block if it does not fit
 * into this one.  False: the transaction is spoilt. */
static bool add_entry(struct writer *w, const struct change *c, const struct record *r,
                      entry_adder *adder, int64_t now)
{
    char bytes[LINE_MAX_BYTES];
    struct text written = text_in(bytes, sizeof(bytes));
    struct slice claims = store_claims(w->store);

    if (r != NULL) {
        record_put_claims(&written, r);
        claims = text_slice(&written);
    }

    if (adder(c, w->journal, claims, now))
        return true;
    journal_end(w->journal, w->tokens);
    return store_put_journal(w->store, w->journal) && journal_next_block(w->journal) == 0 &&
           adder(c, w->journal, claims, now);
}

/* Add the entry of a change and, after a rotation, put the old token and add the entry of its
 * end. */
static bool add_entries(struct writer *w, const struct change *c, int64_t now)
{
    if (!add_entry(w, c, NULL, change_add_entry, now))
        return false;
    w->tokens += (uint64_t)c->is_new - (uint64_t)c->removes;
    return !c->rotates || (store_put(w->store, &c->found) &&
                           (c->ends == NULL || add_entry(w, c, NULL, change_add_end_entry, now)));
}

/* A token that is here already is not imported, whatever the policy says of it: an import can be run
 * again after the policy has become stricter. */
static void prefer_exists(struct writer *w, struct change *c)
{
    if (!c->is_new || !c->kind->exemptible || c->problem.status != STATUS_POLICY ||
        store_get(w->store, c->after->digest, &c->found) != STORE_FOUND)
        return;
    problem_set(&c->problem, STATUS_EXISTS, "%s", status_row(STATUS_EXISTS)->meaning);
    c->refusal_len = 0;
}

/* Leave a token alone that is already as it is to be; but a disable may be in force in memory alone,
 * and an enable ends that. */
static void leave_same(struct writer *w, struct change *c)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;

    if (!w->policy.has_before ||
        c->fleet != NULL) /* the fleet may have another state of its token */
        return;
    if (c->kind->allow &&
        (token_table_look(w->token_table, c->id, digest, &used) & SLOT_DISABLED) != 0)
        return;
    change_leave_same(c, &w->policy.before);
}

bool commit_apply_try(struct writer *w, struct change *c, int64_t now)
{
    c->may_lapse = w->may_purge;
    if (!c->of_many) /* all of these by the same, which scan_run() took */
        policy_check_renew(&w->policy, write_queue_take_policies(w->queue));
    c->policies = w->policy.policies;
    c->as_read = &w->policy.before;
    c->has_read = false;
    c->no_sha256 = c->has_sha256 && !digest_scheme_has_sha256(w->token_table);
    if (!change_self_permits(c, w))
        return c->problem.status != STATUS_STORE;
    if (c->kind->apply(c, w->store, now) == STATUS_STORE)
        return false;
    change_self_settle(c, w->token_table);
    if (!change_writes(c) || unsaved_refuses(&w->disk_failure.unsaved, c))
        return true;
    if (!policy_check_read(&w->policy, c, w->store)) {
        problem_set(&c->problem, STATUS_STORE, "the store cannot be read");
        return false;
    }
    change_set_before(c, w->policy.has_before ? &w->policy.before : NULL);
    if (policy_check_permits(&w->policy, c, now))
        leave_same(w, c);
    else
        prefer_exists(w, c);
    return true;
}

/* True for what may be refused so that a denial can be saved. */
static bool can_wait(const struct change *c)
{
    return c->kind->adds || (c->kind->deny == 0 && !c->kind->denies);
}

/* Add the entries of a change that the fleet's database has committed. */
static bool add_settled(struct writer *w, struct change *c, int64_t now)
{
    if (c->problem.status != STATUS_OK)
        return true;
    c->notes = true;
    c->serial = journal_next(w->journal);
    return add_entry(w, c, c->after, change_add_entry, now) &&
           (c->kind != &change_rotate || c->ends == NULL ||
            add_entry(w, c, &c->found, change_add_end_entry, now));
}

bool commit_apply_change(struct writer *w, struct change *c, int64_t now)
{
    if (c->fleet_stage == CHANGE_SETTLED)
        return add_settled(w, c, now);
    if (c->kind->adds && w->at_size_limit) {
        problem_set(&c->problem, STATUS_FULL,
                    "the store has reached its size limit; delete tokens "
                    "that are no longer needed, or shorten [daemon] retention");
        return true;
    }
    if (can_wait(c) && store_is_short(w->store)) {
        problem_set(
            &c->problem, STATUS_STORE,
            "the store's file cannot be written (see jetond's log; is the disk full?), and what is "
            "left of its log is for denials");
        return true;
    }
    twins_find(&w->twins, w->token_table, c);
    if (scheme_load_refuses(w, c))
        return true;
    if (!commit_apply_try(w, c, now))
        return false;
    if (!change_writes(c))
        return true;
    c->serial = journal_next(w->journal);
    if (c->is_new)
        c->after->serial = c->serial;
    if (!put(w, c))
        return false;
    if (change_writes(c)) {
        policy_check_note(&w->policy, c);
        if (!add_entries(w, c, now))
            return false;
    }
    twins_note(&w->twins, c);
    uint64_t size = store_size(w->store);
    bool too_far = c->is_new && size > w->store_limit && size > w->store_before;
    w->at_size_limit = w->at_size_limit || too_far;
    return !too_far;
}
