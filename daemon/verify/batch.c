/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/batch.h"

#include "daemon/base/clock.h"
#include "daemon/table/generation.h"
#include "daemon/base/probe.h"
#include "proto/reply.h"
#include "proto/scopes.h"
#include "proto/token.h"

enum { TORN_RETRIES = 3, TIMED = 16 };

enum status verify_batch_read(const struct request *r, struct question *q, struct problem *problem)
{
    const char *fault;

    *q = (struct question){ .value = r->value[KEY_TOKEN] };
    if (request_has(r, KEY_SCOPE)) {
        q->scopes = r->value[KEY_SCOPE];
        fault = q->scopes.len == 0 ? "name at least one scope" : scopes_fault(q->scopes);
        if (fault != NULL)
            return problem_set(problem, STATUS_BAD_VALUE, "scope=: %s", fault);
    }
    if (request_has(r, KEY_SUBJECT))
        q->subject = r->value[KEY_SUBJECT];
    if (request_has(r, KEY_SERVICE) &&
        (r->value[KEY_SERVICE].len == 0 || r->value[KEY_SERVICE].len > SERVICE_MAX))
        return problem_set(problem, STATUS_BAD_VALUE, "service=: a name of 1 to %d bytes",
                           SERVICE_MAX);
    return STATUS_OK;
}

void verify_batch_add(struct verify_batch *j, const struct question *q, const struct stack *stack,
                      struct iobuf *out)
{
    j->question[j->count] = *q;
    j->stack[j->count] = stack;
    j->out[j->count] = out;
    j->count++;
}

/* A verdict that could not be read while the writer was in the way waits for that one change. */
static void judge_one(struct token_table *p, const struct table *table, const struct question *q,
                      int64_t now, struct verdict *v)
{
    verdict_judge(table, q, now, v);
    for (int t = 0; t < TORN_RETRIES && v->status == STATUS_UNAVAILABLE; t++) {
        token_table_settle(p);
        verdict_judge(table, q, now, v);
    }
}

void lookup_judge(struct token_table *p, const struct generation *g, const struct question *q,
                  int64_t now, struct verdict *v)
{
    if (!verdict_worth_hashing(q, v))
        return;
    token_digest(q->value, v->digest);
    judge_one(p, token_table_table(g), q, now, v);
}

static void put_verdict(struct text *t, const struct verdict *v, int64_t now)
{
    reply_begin(t, v->status);
    if (v->found) {
        text_adds(t, " id=");
        text_add_hex(t, v->digest, ID_SIZE);
    }
    if (v->status == STATUS_OK) {
        if (v->subject.len > 0)
            line_put(t, "subject", v->subject);
        if (v->scopes.len > 0)
            line_put(t, "scopes", v->scopes);
        if (v->expires != TIME_NEVER)
            line_put_time(t, "expires", v->expires);
        text_adds(t, " verifier=local");
    } else if (v->status == STATUS_PENDING) {
        line_put_u64(t, "retry_after", (uint64_t)(v->activates - now));
    }
    reply_end(t, v->status, NULL);
}

/* The requests to memory go out close together: each may itself have to wait for the address. */
static void hash_all(struct verify_batch *j, const struct generation *g)
{
    j->hashed = 0;
    for (size_t i = 0; i < j->count; i++) {
        struct verdict *v = &j->verdict[i];
        j->worth[i] = verdict_worth_hashing(&j->question[i], v);
        if (!j->worth[i])
            continue;
        j->value[j->hashed] = j->question[i].value;
        j->digest[j->hashed++] = v->digest;
    }
    token_digests(j->value, j->hashed, j->digest);
    for (size_t i = 0; i < j->hashed; i++)
        generation_prefetch(g, j->digest[i]);
}

static void count(const struct verify_batch *j, size_t i, unsigned worker)
{
    const struct stack *stack = j->stack[i];
    enum status status = j->verdict[i].status;

    PROBE(verify, stack->service, status_row(status)->word);
    series_count(stack->series, worker, status);
    series_count(stack->step[0].series, worker,
                 status == STATUS_OK          ? JETON_VERIFIER_PASS :
                 status == STATUS_UNAVAILABLE ? JETON_VERIFIER_ERROR :
                                                JETON_VERIFIER_FAIL);
}

/* False: no memory. */
static bool answer_one(struct verify_batch *j, size_t i, struct token_table *p,
                       const struct generation *g, int64_t now)
{
    struct verdict *v = &j->verdict[i];
    char *room = iobuf_reserve(j->out[i], VERIFY_REPLY_MAX);

    if (room == NULL)
        return false;
    if (j->worth[i])
        judge_one(p, token_table_table(g), &j->question[i], now, v);
    if (v->status == STATUS_OK)
        token_table_touch(g, v->slot, now);
    struct text reply = text_in(room, VERIFY_REPLY_MAX);
    put_verdict(&reply, v, now);
    iobuf_commit(j->out[i], reply.len);
    return true;
}

/* A batch may hold questions to several services, and each of them waited for all of it. */
static void note_time(const struct verify_batch *j, unsigned worker, uint64_t nanoseconds)
{
    for (size_t i = 0; i < j->count; i++) {
        struct series *m = j->stack[i]->series;
        if (i > 0 && m == j->stack[i - 1]->series)
            continue;
        series_time(m, worker, nanoseconds / j->count);
        series_latency(m, worker, nanoseconds);
    }
}

void verify_batch_answer(struct verify_batch *j, struct token_table *p, unsigned worker,
                         int64_t now)
{
    bool timed = j->batches++ % TIMED == 0;
    uint64_t began = timed ? clock_monotonic() : 0;
    const struct generation *g = token_table_enter(p, worker);
    hash_all(j, g);
    for (size_t i = 0; i < j->count; i++)
        if (answer_one(j, i, p, g, now))
            count(j, i, worker);
    token_table_leave(p, worker);
    if (timed)
        note_time(j, worker, clock_monotonic() - began);
    j->count = 0;
}
