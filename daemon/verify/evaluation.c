/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/evaluation.h"

#include <sodium.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/probe.h"
#include "daemon/table/lookup.h"
#include "daemon/verifiers/throttle.h"
#include "daemon/verify/answer.h"
#include "proto/reply.h"
#include "proto/scopes.h"
#include "proto/token.h"

/* -- beginning ------------------------------------------------------------------------------- */

/* Copies a text of the request, with a NUL behind it.  There was a key before each in the line, so
 * there is room. */
static struct slice keep(struct evaluation *h, struct slice text)
{
    char *at = h->text + h->used;

    if (text.at == NULL)
        return text;
    memcpy(at, text.at, text.len);
    at[text.len] = '\0';
    h->used += text.len + 1;
    return (struct slice){ at, text.len };
}

void eval_begin(struct evaluation *h, const struct stack *stack, const struct question *asked,
                struct slice service, const struct eval_context *place, int64_t now)
{
    h->stack = stack;
    h->used = 0;
    h->asked = (struct question){
        .value = keep(h, asked->value),
        .scopes = keep(h, asked->scopes),
        .subject = keep(h, asked->subject),
    };
    h->question = (struct jeton_question){
        .value = h->asked.value.at,
        .value_length = h->asked.value.len,
        .service = service.len > 0 ? keep(h, service).at : "other",
        .scopes = h->asked.scopes.at,
        .subject = h->asked.subject.at,
        .now = now,
        .peer_uid = place->peer->uid,
        .peer_gid = place->peer->gid,
        .peer_group_count = place->group_count,
        .peer_groups = place->groups,
    };
    stack_result_begin(&h->tally);
    h->step = 0;
    h->began = clock_monotonic();
    h->throttled = h->waited = h->known = false;
    h->verifier = NULL;
}

/* -- answers --------------------------------------------------------------------------------- */

/* A pass is one for what was asked only if the identity fits it. */
static void fit(const struct evaluation *h, const struct jeton_identity *who,
                struct verifier_result *say)
{
    enum status reason = verdict_fit(&h->asked, slice_of(who->subject), slice_of(who->scopes));

    if (reason != STATUS_OK)
        *say = (struct verifier_result){ .outcome = JETON_VERIFIER_FAIL, .reason = reason };
}

/* What the step said to what is asked here.  An identity that it supplies is the hearing's then. */
static void weigh(struct evaluation *h, int outcome, struct jeton_answer *answer,
                  struct verifier_result *say)
{
    struct stack_entry *step = eval_entry(h);
    const char *fault = answer_check(outcome, answer, h->verifier != NULL ? &h->identity : NULL,
                                     h->question.now, say);

    if (fault != NULL)
        stack_entry_log_failure(h->stack->service, step, FAILURE_INVALID,
                                "it answered with %s; that counts as an error", fault);
    else if (say->outcome == JETON_VERIFIER_ERROR)
        stack_entry_log_failure(h->stack->service, step, FAILURE_ERROR, "%s",
                                answer->message[0] != '\0' ?
                                    answer->message :
                                    "it could not judge, and does not say why");
    if (say->outcome != JETON_VERIFIER_PASS || !say->vouches)
        return;
    fit(h, &answer->identity, say);
    if (say->outcome == JETON_VERIFIER_PASS)
        h->identity = answer->identity;
}

/* -- the table ------------------------------------------------------------------------------- */

static void copy(char *to, size_t room, struct slice text)
{
    size_t len = text.len < room ? text.len : room - 1;

    memcpy(to, text.at, len);
    to[len] = '\0';
}

static void fill_identity(struct jeton_identity *who, const struct verdict *v)
{
    who->expires = v->expires;
    who->id[0] = who->issuer[0] = '\0';
    copy(who->subject, sizeof(who->subject), v->subject);
    copy(who->scopes, sizeof(who->scopes), v->scopes);
}

/* The table is a verifier like the others, but for its answer: that needs no examination, unless it
 * comes after another's and can only narrow that. */
static void ask_table(struct evaluation *h, const struct eval_context *place,
                      struct verifier_result *say)
{
    const struct generation *g = token_table_enter(place->token_table, place->worker);
    struct verdict v;

    lookup_judge(place->token_table, g, &h->asked, h->question.now, &v);
    *say = (struct verifier_result){ .outcome = JETON_VERIFIER_FAIL, .reason = v.status };
    if (v.status == STATUS_UNAVAILABLE)
        say->outcome = JETON_VERIFIER_ERROR;
    if (v.status == STATUS_PENDING)
        say->retry_after = v.activates - h->question.now;
    if (v.found) {
        h->known = true;
        memcpy(h->digest, v.digest, DIGEST_SIZE);
    }
    if (v.status == STATUS_OK) {
        *say = (struct verifier_result){ .outcome = JETON_VERIFIER_PASS, .vouches = true };
        token_table_touch(g, v.slot, h->question.now);
        fill_identity(h->verifier == NULL ? &h->identity : &h->answer.identity, &v);
    }
    token_table_leave(place->token_table, place->worker);
    if (v.status == STATUS_OK && h->verifier != NULL) {
        h->answer.has_identity = 1;
        weigh(h, JETON_VERIFIER_PASS, &h->answer, say);
    }
}

/* -- the steps ------------------------------------------------------------------------------- */

/* Counts what the step said and goes to the next; true when it is decided. */
static bool count(struct evaluation *h, unsigned worker, const struct verifier_result *say)
{
    struct stack_entry *step = eval_entry(h);

    series_count(step->series, worker, say->outcome);
    if (say->outcome == JETON_VERIFIER_PASS && say->vouches && h->verifier == NULL)
        h->verifier = step->name;
    h->throttled = h->throttled || (step->is_throttle && say->outcome == JETON_VERIFIER_FAIL);
    bool over = stack_result_add(&h->tally, step->control, say);
    h->step = over ? h->stack->steps : h->step + 1;
    return h->step == h->stack->steps;
}

void eval_take_result(struct evaluation *h, unsigned worker, int outcome,
                      struct jeton_answer *answer)
{
    struct stack_entry *step = eval_entry(h);
    struct verifier_result say;

    weigh(h, outcome, answer, &say);
    if (step->module != NULL)
        series_time(step->series, worker, clock_monotonic() - h->step_began);
    count(h, worker, &say);
}

void eval_take_failure(struct evaluation *h, unsigned worker, enum verifier_failure why)
{
    static const char *const words[FAILURES] = {
        [FAILURE_TIMEOUT] = "it did not answer in time (deadline=)",
        [FAILURE_BUSY] = "too many questions wait for it (threads=, queue=)",
        [FAILURE_THREAD] = "it ended the thread that asked it",
    };
    const struct verifier_result say = { .outcome = JETON_VERIFIER_ERROR };

    stack_entry_log_failure(h->stack->service, eval_entry(h), why, "%s; that counts as an error",
                            words[why]);
    count(h, worker, &say);
}

static void ask_at_once(struct evaluation *h, const struct eval_context *place,
                        struct stack_entry *step)
{
    memset(&h->answer, 0, sizeof(h->answer));
    h->answer.identity.expires = JETON_VERIFIER_NEVER;
    int outcome = step->verifier->verify(step->instance, &h->question, &h->answer);
    eval_take_result(h, place->worker, outcome, &h->answer);
}

/* While others were waited for, the token may have been revoked. */
static void look_again(struct evaluation *h, const struct eval_context *place)
{
    struct verifier_result say = { .outcome = JETON_VERIFIER_FAIL };
    uint8_t digest[DIGEST_SIZE];
    int64_t used;
    uint32_t flags = token_table_look(place->token_table, h->digest, digest, &used);

    if ((flags & (SLOT_REVOKED | SLOT_DISABLED)) == 0)
        return;
    say.reason = (flags & SLOT_REVOKED) != 0 ? STATUS_REVOKED : STATUS_DISABLED;
    stack_result_add(&h->tally, CONTROL_REQUISITE, &say);
}

bool eval_continue(struct evaluation *h, const struct eval_context *place)
{
    const struct verifier_result baseless = {
        .outcome = JETON_VERIFIER_FAIL,
        .reason = STATUS_UNKNOWN,
        .baseless = true,
    };
    struct verifier_result say;

    while (h->step < h->stack->steps) {
        struct stack_entry *step = eval_entry(h);
        if (step->verifier == NULL) {
            ask_table(h, place, &say);
            count(h, place->worker, &say);
        } else if (step->narrows && h->verifier == NULL) {
            count(h, place->worker, &baseless);
        } else {
            h->step_began = step->module != NULL ? clock_monotonic() : 0;
            h->question.identity = h->verifier != NULL ? &h->identity : NULL;
            h->waited = h->waited || step->blocks;
            if (step->blocks)
                return false;
            ask_at_once(h, place, step);
        }
    }
    if (h->waited && h->known)
        look_again(h, place);
    return true;
}

/* -- the end --------------------------------------------------------------------------------- */

static void put_identity(const struct evaluation *h, struct text *t)
{
    const struct jeton_identity *who = &h->identity;

    if (who->subject[0] != '\0')
        line_puts(t, "subject", who->subject);
    if (who->scopes[0] != '\0')
        line_puts(t, "scopes", who->scopes);
    if (who->expires != JETON_VERIFIER_NEVER)
        line_put_time(t, "expires", who->expires);
    if (who->issuer[0] != '\0')
        line_puts(t, "issuer", who->issuer);
    line_puts(t, "verifier", h->verifier);
}

/* What a verifier does not call anything is called by its digest, as our own are. */
static void put_id(struct evaluation *h, enum status status, struct text *t)
{
    bool theirs = status == STATUS_OK && h->identity.id[0] != '\0';

    if (theirs) {
        line_puts(t, "id", h->identity.id);
        return;
    }
    if (!h->known && status != STATUS_OK)
        return;
    if (!h->known)
        token_digest(h->asked.value, h->digest);
    text_adds(t, " id=");
    text_add_hex(t, h->digest, ID_SIZE);
}

/* Who throttles learns what became of it. */
static void tell_throttles(const struct evaluation *h, enum status status)
{
    if (status_row(status)->kind != ANSWER_NO || h->throttled)
        return;
    for (size_t i = 0; i < h->stack->steps; i++)
        if (h->stack->step[i].is_throttle)
            throttle_failed(h->stack->step[i].instance, h->question.peer_uid);
}

void eval_finish(struct evaluation *h, unsigned worker, struct text *reply)
{
    enum status status = stack_result_status(&h->tally);
    const struct verifier_result *why = stack_result_reason(&h->tally);
    bool no = status_row(status)->kind == ANSWER_NO;

    tell_throttles(h, status);
    series_count(h->stack->series.service, worker, status);
    uint64_t taken = clock_monotonic() - h->began;
    series_time(h->stack->series.service, worker, taken);
    series_latency(h->stack->series.service, worker, taken);
    PROBE(verify, h->stack->service, status_row(status)->word);
    reply_begin(reply, status);
    put_id(h, status, reply);
    if (status == STATUS_OK)
        put_identity(h, reply);
    if (no && why->retry_after > 0)
        line_put_u64(reply, "retry_after", (uint64_t)why->retry_after);
    reply_end(reply, status, no && why->message[0] != '\0' ? why->message : NULL);
}

void eval_wipe(struct evaluation *h)
{
    sodium_memzero(h->text, h->used);
}
