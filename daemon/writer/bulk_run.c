/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/bulk_run.h"

#include <stdlib.h>

#include "daemon/writer/commit.h"
#include "daemon/writer/commit_apply.h"
#include "daemon/writer/fleet_reply.h"
#include "daemon/writer/fleet_up.h"
#include "daemon/writer/list_run.h"
#include "daemon/writer/publish.h"
#include "proto/reply.h"

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID_SIZE);
}

static enum status set_problem(struct bulk *b, enum status status, const char *message)
{
    return problem_set(&b->problem, status, "%s", message);
}

/* -- collecting ------------------------------------------------------------------------------ */

static void collect(struct bulk *b, const uint8_t id[ID_SIZE])
{
    if (b->ids < BULK_MAX)
        memcpy(b->id[b->ids++], id, ID_SIZE);
    b->matched++;
}

static enum store_found read_meant(struct step *s, const uint8_t id[ID_SIZE], struct record *r)
{
    return list_run_read(s, id, r, s->scan->bulk->now);
}

/* Collect what is meant of a block.  False: the store cannot be read. */
static bool collect_block(struct step *s, const struct list_block *block, size_t *reads)
{
    bool asks = list_filter_asks_record(&s->scan->filter);
    struct record r;

    for (size_t i = 0; i < block->count; i++) {
        const struct list_found *found = &block->found[i];
        bool read = asks || !found->in_table;
        enum store_found meant = read ? read_meant(s, found->id, &r) : STORE_FOUND;
        *reads += read;
        if (meant == STORE_FAILED)
            return false;
        if (meant == STORE_FOUND)
            collect(s->scan->bulk, found->id);
    }
    return true;
}

/* Collect from some blocks; true when that is done, or has failed. */
static bool collect_some(struct step *s)
{
    const struct list_sources from = list_run_sources(s);
    struct scan *scan = s->scan;
    size_t looks = 0, reads = 0;
    struct list_block block;

    if (!list_run_is_ready(s))
        return false;
    while (looks < STEP_LOOKS && reads < STEP_RECORDS) {
        if (!list_walk_next(&scan->walk, &scan->filter, &from, scan->bulk->now, &block))
            return true;
        if (!collect_block(s, &block, &reads)) {
            set_problem(scan->bulk, STATUS_STORE, "the store cannot be read; nothing was changed");
            return true;
        }
        looks += TOKEN_PEEK_MAX;
    }
    return false;
}

/* Add the tokens that were changed since it was begun, unless they are there: they may be meant now.
 * False: no memory, or there are too many. */
static bool add_touched(struct bulk *b, const struct touched *touched)
{
    size_t count = touched->count - b->touched, collected = b->ids;

    if (count == 0)
        return true;
    uint8_t(*id)[ID_SIZE] = malloc(count * sizeof(*id));

    if (id == NULL)
        return false;
    memcpy(id, touched->id + b->touched, count * sizeof(*id));
    qsort(id, count, sizeof(*id), compare_ids);
    qsort(b->id, collected, sizeof(*b->id), compare_ids);
    bool fit = true;
    for (size_t i = 0; i < count && fit; i++) {
        if ((i > 0 && compare_ids(id[i - 1], id[i]) == 0) ||
            bsearch(id[i], b->id, collected, sizeof(*b->id), compare_ids) != NULL)
            continue;
        fit = b->ids < BULK_TOUCHED_MAX;
        if (fit)
            memcpy(b->id[b->ids++], id[i], ID_SIZE);
    }
    free(id);
    return fit;
}

/* -- changing -------------------------------------------------------------------------------- */

static void free_changes(struct mail_list *changes)
{
    for (struct mail *m; (m = mail_pop(changes)) != NULL;)
        change_free((struct change *)m);
}

/* Judge all that was collected by the records as they are now, and make the changes if it is known how
 * many are to be made. */
static enum status judge(struct step *s, struct mail_list *changes)
{
    struct bulk *b = s->scan->bulk;
    struct record r;

    b->matched = 0;
    for (size_t i = 0; i < b->ids; i++) {
        enum store_found meant = read_meant(s, b->id[i], &r);
        if (meant == STORE_FAILED)
            return set_problem(b, STATUS_STORE, "the store cannot be read; nothing was changed");
        if (meant != STORE_FOUND)
            continue;
        b->matched++;
        if (!b->has_count || b->matched > b->count || b->matched > BULK_MAX)
            continue;
        struct change *c = bulk_change(b, b->id[i]);
        if (c == NULL)
            return set_problem(b, STATUS_INTERNAL, "no memory; nothing was changed");
        mail_append(record_is_fleet(&r) ? &b->fleet : changes, &c->mail);
    }
    return STATUS_OK;
}

/* Refuse all if one would be refused: apply each to see, without a transaction. */
static enum status try_each(struct step *s, struct mail_list *changes, bool fleet)
{
    struct bulk *b = s->scan->bulk;

    for (struct mail *m = changes->first; m != NULL; m = m->next) {
        struct change *c = (struct change *)m;
        if (fleet)
            fleet_up_try(s->writer, c, s->now);
        else
            commit_apply_try(s->writer, c, s->now);
        enum status status = c->problem.status;
        if (status != STATUS_OK) {
            b->has_refused = status != STATUS_STORE;
            memcpy(b->refused, c->id, ID_SIZE);
            memcpy(b->refusal, c->refusal, c->refusal_len);
            b->refusal_len = c->refusal_len;
            return problem_set(&b->problem, status, "%s; nothing was changed", c->problem.message);
        }
        change_reset(c);
    }
    return STATUS_OK;
}

/* Note what became of the changes. */
static void note_outcome(struct bulk *b, const struct mail_list *changes)
{
    for (const struct mail *m = changes->first; m != NULL; m = m->next) {
        const struct change *c = (const struct change *)m;
        b->narrows = b->narrows || change_narrows(c);
        b->changed += change_writes(c);
        if (c->problem.status != STATUS_OK && b->problem.status == STATUS_OK)
            b->problem = c->problem;
    }
}

/* Ask the fleet's database for the changes of its tokens; denials of them are in force at once. */
static void ask_fleet(struct step *s)
{
    struct bulk *b = s->scan->bulk;

    for (struct mail *m; (m = mail_pop(&b->fleet)) != NULL;) {
        struct change *c = (struct change *)m;
        c->sender = b;
        publish_denial(c, s->writer->token_table);
        if (fleet_up_takes(s->writer, c, s->now)) {
            b->waiting++;
            continue;
        }
        if (c->problem.status != STATUS_OK && b->problem.status == STATUS_OK)
            b->problem = c->problem;
        publish_denial_end(c, s->writer->token_table);
        change_free(c);
    }
    b->fleet_asked = true;
}

/* Change what is meant, if it is as many tokens as were confirmed. */
static void carry_out(struct step *s)
{
    struct bulk *b = s->scan->bulk;
    struct mail_list changes = { NULL, NULL };

    if (b->matched > BULK_MAX)
        return;
    commit_prepare(s->writer, s->now);
    if (s->writer->touched.lost || !add_touched(b, &s->writer->touched)) {
        set_problem(b, STATUS_BUSY, "too much else was changed meanwhile; try again");
        return;
    }
    enum status status = judge(s, &changes);
    b->confirmed = status == STATUS_OK && b->has_count && b->matched == b->count &&
                   b->matched <= BULK_MAX;
    if (b->confirmed)
        status = try_each(s, &changes, false);
    if (b->confirmed && status == STATUS_OK)
        status = try_each(s, &b->fleet, true);
    if (b->confirmed && status == STATUS_OK && changes.first != NULL) {
        commit_together(s->writer, &changes, s->now);
        note_outcome(b, &changes);
    }
    if (b->confirmed && b->problem.status == STATUS_OK && b->fleet.first != NULL)
        ask_fleet(s);
    free_changes(&changes);
    free_changes(&b->fleet);
}

/* -- the answer ------------------------------------------------------------------------------ */

static void refuse_count(struct step *s)
{
    const struct bulk *b = s->scan->bulk;
    bool too_many = b->matched > BULK_MAX;

    reply_begin(&s->text, STATUS_COUNT_DIFFERS);
    line_put_u64(&s->text, "matched", b->matched);
    if (too_many)
        line_put_u64(&s->text, "max", BULK_MAX);
    reply_end(&s->text, STATUS_COUNT_DIFFERS,
              too_many ? "nothing was changed: one request changes no more; narrow the filter" :
                         NULL);
}

static void answer(struct step *s)
{
    const struct bulk *b = s->scan->bulk;
    enum status status = b->problem.status;

    s->scan->finished = true;
    if (status == STATUS_OK && !b->confirmed) {
        refuse_count(s);
        return;
    }
    reply_begin(&s->text, status);
    if (status == STATUS_OK || b->fleet_asked) {
        line_put_u64(&s->text, "count", b->matched);
        line_put_u64(&s->text, "changed", b->changed);
        fleet_reply_outcome(&s->text, &b->fleet_outcome);
    }
    if (b->has_refused) {
        text_adds(&s->text, " id=");
        text_add_hex(&s->text, b->refused, ID_SIZE);
        text_add(&s->text, b->refusal, b->refusal_len);
    }
    reply_end(&s->text, status, b->problem.message);
}

void bulk_run_end(struct bulk *b, struct writer *w)
{
    if (b->begun)
        touched_end(&w->touched);
    b->begun = false;
}

void bulk_run_step(struct step *s)
{
    struct bulk *b = s->scan->bulk;
    struct writer *w = s->writer;

    if (!b->done && !b->begun) {
        b->begun = true;
        b->touched = touched_begin(&w->touched);
    }
    if (!b->done && atomic_load(&s->scan->stop)) {
        set_problem(b, STATUS_BUSY, "nobody waits for the answer; nothing was changed");
        b->done = true;
    }
    if (!b->done) {
        if (!collect_some(s))
            return;
        if (b->problem.status == STATUS_OK)
            carry_out(s);
        b->done = true;
        bulk_run_end(b, w);
    }
    s->scan->waits = b->waiting > 0 && !atomic_load(&s->scan->stop);
    if (s->scan->waits)
        return;
    if (b->waiting > 0)
        fleet_up_detach(w, b);
    b->waiting = 0;
    s->scan->waits = b->narrows && held_answers_is_holding(&w->held_answers) &&
                     !atomic_load(&s->scan->stop);
    if (!s->scan->waits)
        answer(s);
}
