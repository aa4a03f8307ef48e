/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/evaluation.h"

#include <sodium.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/probe.h"
#include "daemon/table/lookup.h"
#include "daemon/table/token_look.h"
#include "daemon/verifiers/throttle.h"
#include "daemon/verify/answer.h"
#include "daemon/verify/fallback.h"
#include "daemon/verify/sent_id.h"
#include "proto/reply.h"
#include "proto/scopes.h"
#include "proto/token.h"

/* -- beginning ------------------------------------------------------------------------------- */

/* Copy a text of the request, with a NUL behind it.  They all fit: each had a key before it in a
 * line of at most that length. */
static struct slice copy_text(struct evaluation *e, struct slice text)
{
    char *at = e->text + e->used;

    if (text.at == NULL)
        return text;
    memcpy(at, text.at, text.len);
    at[text.len] = '\0';
    e->used += text.len + 1;
    return (struct slice){ at, text.len };
}

void eval_begin(struct evaluation *e, const struct stack *stack, const struct question *asked,
                struct slice service, const struct eval_context *context, int64_t now)
{
    e->stack = stack;
    e->used = 0;
    e->asked = (struct question){
        .value = copy_text(e, asked->value),
        .scopes = copy_text(e, asked->scopes),
        .subject = copy_text(e, asked->subject),
    };
    e->question = (struct jeton_question){
        .value = e->asked.value.at,
        .value_length = e->asked.value.len,
        .service = service.len > 0 ? copy_text(e, service).at : "other",
        .scopes = e->asked.scopes.at,
        .subject = e->asked.subject.at,
        .client = copy_text(e, context->client).at,
        .now = now,
        .peer_uid = context->peer->uid,
        .peer_gid = context->peer->gid,
    };
    stack_result_begin(&e->result);
    e->index = e->names = 0;
    e->began = clock_monotonic();
    e->throttled = e->in_table = e->two_digests = false;
    e->verifier = NULL;
}

/* -- answers --------------------------------------------------------------------------------- */

/* Turn a pass into a fail if the identity does not have what was asked for. */
static void check_asked(const struct evaluation *e, const struct jeton_identity *who,
                        struct verifier_result *result)
{
    enum status reason = verdict_fit(&e->asked, slice_of(who->subject), slice_of(who->scopes));

    if (reason != STATUS_OK)
        *result = (struct verifier_result){ .outcome = JETON_VERIFIER_FAIL, .reason = reason };
}

/* Check an entry's answer, log what is wrong with it, and keep the identity that it supplies. */
static void check_answer(struct evaluation *e, int outcome, struct jeton_answer *answer,
                         struct verifier_result *result)
{
    struct stack_entry *entry = eval_entry(e);
    const char *fault = answer_check(outcome, answer, e->verifier != NULL ? &e->identity : NULL,
                                     e->question.now, result);

    if (fault != NULL)
        stack_entry_log_failure(e->stack->service, entry, FAILURE_INVALID,
                                "it answered with %s; that counts as an error", fault);
    else if (result->outcome == JETON_VERIFIER_ERROR)
        stack_entry_log_failure(e->stack->service, entry, FAILURE_ERROR, "%s",
                                answer->message[0] != '\0' ?
                                    answer->message :
                                    "it could not judge, and gives no reason");
    if (result->outcome != JETON_VERIFIER_PASS || !result->identifies)
        return;
    if (result->is_named)
        memcpy(e->name[e->names++], result->name, DIGEST_SIZE);
    check_asked(e, &answer->identity, result);
    if (result->outcome == JETON_VERIFIER_PASS)
        e->identity = answer->identity;
}

/* -- the table ------------------------------------------------------------------------------- */

static void copy_string(char *to, size_t size, struct slice text)
{
    size_t len = text.len < size ? text.len : size - 1;

    memcpy(to, text.at, len);
    to[len] = '\0';
}

static void fill_identity(struct jeton_identity *who, const struct verdict *v)
{
    who->expires = v->expires;
    who->leeway = 0;
    who->id[0] = who->issuer[0] = '\0';
    copy_string(who->subject, sizeof(who->subject), v->subject);
    copy_string(who->scopes, sizeof(who->scopes), v->scopes);
}

/* Ask the table, a verifier like the others.  Its answer needs no check, unless an identity was
 * supplied before, which it can only narrow. */
static void ask_table(struct evaluation *e, const struct eval_context *context,
                      struct verifier_result *result)
{
    const struct generation *g = token_table_enter(context->token_table, context->worker);
    struct verdict v;

    lookup_judge(context->token_table, g, &e->asked, e->question.now, &v);
    *result = (struct verifier_result){ .outcome = JETON_VERIFIER_FAIL, .reason = v.status };
    if (v.status == STATUS_UNAVAILABLE) {
        result->outcome = JETON_VERIFIER_ERROR;
        result->is_stale = lookup_is_stale(&v);
    }
    if (v.status == STATUS_PENDING)
        result->retry_after = v.activates - e->question.now;
    e->two_digests = token_table_table(g)->has_sha256;
    if (v.found) {
        e->in_table = true;
        memcpy(e->digest, v.digest, DIGEST_SIZE);
    }
    if (v.status == STATUS_OK) {
        *result = (struct verifier_result){ .outcome = JETON_VERIFIER_PASS, .identifies = true };
        token_table_touch(g, v.slot, e->question.now);
        fill_identity(e->verifier == NULL ? &e->identity : &e->answer.identity, &v);
    }
    token_table_leave(context->token_table, context->worker);
    if (v.status == STATUS_OK && e->verifier != NULL) {
        e->answer.has_identity = 1;
        check_answer(e, JETON_VERIFIER_PASS, &e->answer, result);
    }
}

/* -- the entries ----------------------------------------------------------------------------- */

/* Count and add the entry's result, and go to the next entry, or to the end if it decides. */
static void add_result(struct evaluation *e, unsigned worker, const struct verifier_result *result)
{
    struct stack_entry *entry = eval_entry(e);

    series_count(entry->series, worker, result->outcome);
    if (result->outcome == JETON_VERIFIER_PASS && result->identifies && e->verifier == NULL)
        e->verifier = entry->name;
    e->throttled = e->throttled || (entry->is_throttle && result->outcome == JETON_VERIFIER_FAIL);
    bool decided = stack_result_add(&e->result, entry->control, result);
    e->index = decided ? e->stack->entries : e->index + 1;
}

void eval_take_result(struct evaluation *e, unsigned worker, int outcome,
                      struct jeton_answer *answer)
{
    struct stack_entry *entry = eval_entry(e);
    struct verifier_result result;

    check_answer(e, outcome, answer, &result);
    if (entry->module != NULL)
        series_time(entry->series, worker, clock_monotonic() - e->entry_began);
    add_result(e, worker, &result);
}

void eval_take_failure(struct evaluation *e, unsigned worker, enum verifier_failure why)
{
    static const char *const words[FAILURES] = {
        [FAILURE_TIMEOUT] = "it did not answer in time (deadline=)",
        [FAILURE_BUSY] = "too many questions wait for it (threads=, queue=)",
        [FAILURE_THREAD] = "it ended the thread that asked it",
    };
    const struct verifier_result result = { .outcome = JETON_VERIFIER_ERROR };

    stack_entry_log_failure(e->stack->service, eval_entry(e), why, "%s; that counts as an error",
                            words[why]);
    add_result(e, worker, &result);
}

static void ask_here(struct evaluation *e, const struct eval_context *context,
                     struct stack_entry *entry)
{
    memset(&e->answer, 0, sizeof(e->answer));
    e->answer.identity.expires = JETON_VERIFIER_NEVER;
    int outcome = entry->verifier->verify(entry->instance, &e->question, &e->answer);
    eval_take_result(e, context->worker, outcome, &e->answer);
}

/* -- the final look -------------------------------------------------------------------------- */

/* Look for a denial of the value, or of its signed part; it need not be for what was asked.  One whose
 * form no token has may be banned.  Without the fleet's lease a token of the fleet is not passed; what
 * nobody here knows is no token of this host's, and for another verifier to judge. */
static enum status look_for_value(struct evaluation *e, const struct eval_context *context,
                                  const struct generation *g, struct verifier_result *result)
{
    const struct question q = { .value = e->asked.value };
    struct verdict v;

    if (!verdict_worth_hashing(&q, &v)) {
        token_digest(q.value, v.digest);
        enum status status = lookup_name(context->token_table, g, v.digest, e->question.now);
        if (status != STATUS_OK || !token_table_table(g)->has_sha256)
            return status;
        token_sha256(q.value, v.digest);
        return lookup_name(context->token_table, g, v.digest, e->question.now);
    }
    if (e->in_table && !token_table_table(g)->has_sha256)
        memcpy(v.digest, e->digest, DIGEST_SIZE);
    else
        token_digest(q.value, v.digest);
    lookup_judge_hashed(context->token_table, g, &q, e->question.now, &v);
    e->in_table = v.found;
    e->two_digests = token_table_table(g)->has_sha256;
    memcpy(e->digest, v.digest, DIGEST_SIZE);
    if (v.status == STATUS_PENDING)
        result->retry_after = v.activates - e->question.now;
    result->is_stale = lookup_is_stale(&v);
    if (result->is_stale && v.terms == VERDICT_UNKNOWN)
        return STATUS_OK;
    return v.status == STATUS_UNKNOWN || v.status == STATUS_MALFORMED ? STATUS_OK : v.status;
}

/* Look for a ban of what issuers call the credential. */
static enum status look_for_names(const struct evaluation *e, const struct eval_context *context,
                                  const struct generation *g)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < e->names && status == STATUS_OK; i++)
        status = lookup_name(context->token_table, g, e->name[i], e->question.now);
    return status;
}

/* Look once more at the table for whatever denies the credential, by any of its names: other
 * verifiers may have been asked first, or it was denied while one was waited for.  That refuses what would
 * pass, whatever the stack's control words. */
static void look_for_denials(struct evaluation *e, const struct eval_context *context)
{
    struct verifier_result result = { .retry_after = 0 };

    if (stack_result_status(&e->result) != STATUS_OK)
        return;
    const struct generation *g = token_table_enter(context->token_table, context->worker);
    enum status status = look_for_value(e, context, g, &result);
    if (status == STATUS_OK)
        status = look_for_names(e, context, g);
    token_table_leave(context->token_table, context->worker);
    if (status == STATUS_OK)
        return;
    result.outcome = status == STATUS_UNAVAILABLE ? JETON_VERIFIER_ERROR : JETON_VERIFIER_FAIL;
    result.reason = status;
    stack_result_add(&e->result, CONTROL_REQUISITE, &result);
}

void eval_show_groups(struct evaluation *e, struct eval_context *context)
{
    bool needed = eval_entry(e)->needs_groups;

    if (needed && context->groups == NULL)
        context->groups = peercred_groups(context->peer_fd, &context->group_count);
    e->question.peer_groups = needed ? context->groups : NULL;
    e->question.peer_group_count = needed ? context->group_count : 0;
}

bool eval_continue(struct evaluation *e, struct eval_context *context)
{
    const struct verifier_result no_identity = {
        .outcome = JETON_VERIFIER_FAIL,
        .reason = STATUS_UNKNOWN,
        .lacks_identity = true,
    };
    struct verifier_result result;

    while (e->index < e->stack->entries) {
        struct stack_entry *entry = eval_entry(e);
        if (entry->verifier == NULL) {
            ask_table(e, context, &result);
            add_result(e, context->worker, &result);
        } else if (entry->needs_identity && e->verifier == NULL) {
            add_result(e, context->worker, &no_identity);
        } else {
            e->entry_began = entry->module != NULL ? clock_monotonic() : 0;
            e->question.identity = e->verifier != NULL ? &e->identity : NULL;
            eval_show_groups(e, context);
            if (entry->on_pool)
                return false;
            ask_here(e, context, entry);
        }
    }
    look_for_denials(e, context);
    return true;
}

/* -- the end --------------------------------------------------------------------------------- */

static void put_identity(const struct evaluation *e, struct text *t)
{
    const struct jeton_identity *who = &e->identity;

    if (who->subject[0] != '\0')
        line_puts(t, "subject", who->subject);
    if (who->scopes[0] != '\0')
        line_puts(t, "scopes", who->scopes);
    if (who->expires != JETON_VERIFIER_NEVER)
        line_put_time(t, "expires", who->expires);
    if (who->issuer[0] != '\0')
        line_puts(t, "issuer", who->issuer);
    line_puts(t, "verifier", e->verifier);
}

/* Write the id that the verifier gave; where it gave none, that of the digest, as for our own. */
static void put_id(struct evaluation *e, enum status status, struct text *t)
{
    if (status == STATUS_OK && e->identity.id[0] != '\0') {
        line_puts(t, "id", e->identity.id);
        return;
    }
    if (!e->in_table && status != STATUS_OK)
        return;
    if (!e->in_table)
        token_digest(e->asked.value, e->digest);
    text_adds(t, " id=");
    text_add_hex(t, e->digest, ID_SIZE);
    if (e->in_table && e->two_digests)
        sent_id_put(t, e->asked.value, e->digest);
}

/* Count a NO with the stack's throttles, unless one of them caused it. */
static void notify_throttles(const struct evaluation *e, enum status status)
{
    if (status_row(status)->kind != ANSWER_NO || e->throttled)
        return;
    for (size_t i = 0; i < e->stack->entries; i++)
        if (e->stack->entry[i].is_throttle)
            throttle_failed(e->stack->entry[i].instance, e->question.peer_uid, e->question.client);
}

enum status eval_answer(const struct evaluation *e, const uint8_t **id)
{
    *id = e->in_table ? e->digest : NULL;
    return stack_result_status(&e->result);
}

/* Return the message of a reply; NULL: what the status means.  What verifiers say of errors is for the log
 * alone. */
static const char *message_of(enum status status, const struct verifier_result *why)
{
    if (status_row(status)->kind == ANSWER_NO && why->message[0] != '\0')
        return why->message;
    return status == STATUS_UNAVAILABLE && why->is_stale ? VERDICT_STALE_TEXT : NULL;
}

void eval_finish(struct evaluation *e, unsigned worker, struct text *reply)
{
    enum status status = stack_result_status(&e->result);
    const struct verifier_result *why = stack_result_reason(&e->result);
    bool no = status_row(status)->kind == ANSWER_NO;

    notify_throttles(e, status);
    series_count(e->stack->series.service, worker, status);
    uint64_t taken = clock_monotonic() - e->began;
    series_time(e->stack->series.service, worker, taken);
    series_latency(e->stack->series.service, worker, taken);
    PROBE(verify, e->stack->service, status_row(status)->word);
    reply_begin(reply, status);
    put_id(e, status, reply);
    if (status == STATUS_OK)
        put_identity(e, reply);
    if (no && why->retry_after > 0)
        line_put_u64(reply, "retry_after", (uint64_t)why->retry_after);
    if (fallback_is(e->stack, slice_of(e->question.service)))
        fallback_put(reply, slice_of(e->question.service));
    reply_end(reply, status, message_of(status, why));
}

void eval_wipe(struct evaluation *e)
{
    sodium_memzero(e->text, e->used);
}
