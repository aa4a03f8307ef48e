/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/evaluation.h"

#include <sodium.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/verify/answer.h"
#include "daemon/base/probe.h"
#include "daemon/verifiers/throttle.h"
#include "proto/reply.h"
#include "proto/scopes.h"
#include "proto/token.h"

/* -- beginning ------------------------------------------------------------------------------- */

/* Copies a text of the request, with a NUL behind it.  There was a key before each in the line, so
 * there is room. */
static struct slice keep(struct hearing *h, struct slice text)
{
    char *at = h->text + h->used;

    if (text.at == NULL)
        return text;
    memcpy(at, text.at, text.len);
    at[text.len] = '\0';
    h->used += text.len + 1;
    return (struct slice){ at, text.len };
}

void hearing_begin(struct hearing *h, const struct stack *stack, const struct question *asked,
                   struct slice service, const struct hearing_place *place, int64_t now)
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
    tally_begin(&h->tally);
    h->step = 0;
    h->began = clock_monotonic();
    h->throttled = h->waited = h->known = false;
    h->verifier = NULL;
}

/* -- answers --------------------------------------------------------------------------------- */

/* A pass is one for what was asked only if the identity fits it. */
static void fit(const struct hearing *h, const struct jeton_identity *who, struct say *say)
{
    enum status reason = verdict_fit(&h->asked, slice_of(who->subject), slice_of(who->scopes));

    if (reason != STATUS_OK)
        *say = (struct say){ .outcome = JETON_VERIFIER_FAIL, .reason = reason };
}

/* What the step said to what is asked here.  An identity that it supplies is the hearing's then. */
static void weigh(struct hearing *h, int outcome, struct jeton_answer *answer, struct say *say)
{
    struct step *step = hearing_step(h);
    const char *fault = examine(outcome, answer, h->verifier != NULL ? &h->identity : NULL,
                                h->question.now, say);

    if (fault != NULL)
        step_complain(h->stack->service, step, COMPLAINT_GARBAGE,
                      "it answered with %s; that counts as an error", fault);
    else if (say->outcome == JETON_VERIFIER_ERROR)
        step_complain(h->stack->service, step, COMPLAINT_ERROR, "%s", answer->message[0] != '\0' ?
                      answer->message : "it could not judge, and does not say why");
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
static void ask_table(struct hearing *h, const struct hearing_place *place, struct say *say)
{
    const struct generation *g = publish_enter(place->publisher, place->lane);
    struct verdict v;

    judge_by_table(place->publisher, g, &h->asked, h->question.now, &v);
    *say = (struct say){ .outcome = JETON_VERIFIER_FAIL, .reason = v.status };
    if (v.status == STATUS_UNAVAILABLE)
        say->outcome = JETON_VERIFIER_ERROR;
    if (v.status == STATUS_PENDING)
        say->retry_after = v.activates - h->question.now;
    if (v.found) {
        h->known = true;
        memcpy(h->digest, v.digest, DIGEST_SIZE);
    }
    if (v.status == STATUS_OK) {
        *say = (struct say){ .outcome = JETON_VERIFIER_PASS, .vouches = true };
        publish_touch(g, v.slot, h->question.now);
        fill_identity(h->verifier == NULL ? &h->identity : &h->answer.identity, &v);
    }
    publish_leave(place->publisher, place->lane);
    if (v.status == STATUS_OK && h->verifier != NULL) {
        h->answer.has_identity = 1;
        weigh(h, JETON_VERIFIER_PASS, &h->answer, say);
    }
}

/* -- the steps ------------------------------------------------------------------------------- */

/* Counts what the step said and goes to the next; true when it is decided. */
static bool count(struct hearing *h, unsigned lane, const struct say *say)
{
    struct step *step = hearing_step(h);

    meter_count(step->meter, lane, say->outcome);
    if (say->outcome == JETON_VERIFIER_PASS && say->vouches && h->verifier == NULL)
        h->verifier = step->name;
    h->throttled = h->throttled || (step->is_throttle && say->outcome == JETON_VERIFIER_FAIL);
    bool over = tally_take(&h->tally, step->control, say);
    h->step = over ? h->stack->steps : h->step + 1;
    return h->step == h->stack->steps;
}

void hearing_take(struct hearing *h, unsigned lane, int outcome, struct jeton_answer *answer)
{
    struct step *step = hearing_step(h);
    struct say say;

    weigh(h, outcome, answer, &say);
    if (step->module != NULL)
        meter_time(step->meter, lane, clock_monotonic() - h->step_began);
    count(h, lane, &say);
}

void hearing_lack(struct hearing *h, unsigned lane, enum complaint why)
{
    static const char *const words[COMPLAINTS] = {
        [COMPLAINT_LATE] = "it did not answer in time (deadline=)",
        [COMPLAINT_BUSY] = "too many questions wait for it (threads=, queue=)",
        [COMPLAINT_THREAD] = "it ended the thread that asked it",
    };
    const struct say say = { .outcome = JETON_VERIFIER_ERROR };

    step_complain(h->stack->service, hearing_step(h), why, "%s; that counts as an error",
                  words[why]);
    count(h, lane, &say);
}

static void ask_at_once(struct hearing *h, const struct hearing_place *place, struct step *step)
{
    memset(&h->answer, 0, sizeof(h->answer));
    h->answer.identity.expires = JETON_VERIFIER_NEVER;
    int outcome = step->verifier->verify(step->instance, &h->question, &h->answer);
    hearing_take(h, place->lane, outcome, &h->answer);
}

/* While others were waited for, the token may have been revoked. */
static void look_again(struct hearing *h, const struct hearing_place *place)
{
    struct say say = { .outcome = JETON_VERIFIER_FAIL };
    uint8_t digest[DIGEST_SIZE];
    int64_t used;
    uint32_t flags = publish_look(place->publisher, h->digest, digest, &used);

    if ((flags & (SLOT_REVOKED | SLOT_DISABLED)) == 0)
        return;
    say.reason = (flags & SLOT_REVOKED) != 0 ? STATUS_REVOKED : STATUS_DISABLED;
    tally_take(&h->tally, CONTROL_REQUISITE, &say);
}

bool hearing_go_on(struct hearing *h, const struct hearing_place *place)
{
    const struct say baseless = {
        .outcome = JETON_VERIFIER_FAIL, .reason = STATUS_UNKNOWN, .baseless = true,
    };
    struct say say;

    while (h->step < h->stack->steps) {
        struct step *step = hearing_step(h);
        if (step->verifier == NULL) {
            ask_table(h, place, &say);
            count(h, place->lane, &say);
        } else if (step->narrows && h->verifier == NULL) {
            count(h, place->lane, &baseless);
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

static void put_identity(const struct hearing *h, struct text *t)
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
static void put_id(struct hearing *h, enum status status, struct text *t)
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
static void tell_throttles(const struct hearing *h, enum status status)
{
    if (status_row(status)->kind != ANSWER_NO || h->throttled)
        return;
    for (size_t i = 0; i < h->stack->steps; i++)
        if (h->stack->step[i].is_throttle)
            throttle_failed(h->stack->step[i].instance, h->question.peer_uid);
}

void hearing_end(struct hearing *h, unsigned lane, struct text *reply)
{
    enum status status = tally_result(&h->tally);
    const struct say *why = tally_decisive(&h->tally);
    bool no = status_row(status)->kind == ANSWER_NO;

    tell_throttles(h, status);
    meter_count(h->stack->meter, lane, status);
    uint64_t taken = clock_monotonic() - h->began;
    meter_time(h->stack->meter, lane, taken);
    meter_latency(h->stack->meter, lane, taken);
    PROBE(verify, h->stack->service, status_row(status)->word);
    reply_begin(reply, status);
    put_id(h, status, reply);
    if (status == STATUS_OK)
        put_identity(h, reply);
    if (no && why->retry_after > 0)
        line_put_u64(reply, "retry_after", (uint64_t)why->retry_after);
    reply_end(reply, status, no && why->message[0] != '\0' ? why->message : NULL);
}

void hearing_wipe(struct hearing *h)
{
    sodium_memzero(h->text, h->used);
}
