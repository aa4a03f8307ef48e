/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/batch.h"

#include "daemon/base/clock.h"
#include "daemon/base/probe.h"
#include "daemon/table/generation.h"
#include "daemon/table/lookup.h"
#include "daemon/table/refusals.h"
#include "daemon/verify/sent_id.h"
#include "proto/blake.h"
#include "proto/reply.h"
#include "proto/scopes.h"
#include "proto/token.h"

enum {
    TIMED = 16,
    AHEAD = 8, /* questions whose next slots are on their way from memory, while one is answered */
};

/* A quoted text may have any bytes; this one may be logged. */
static bool is_client(struct slice text)
{
    const char *why;
    size_t plain;

    return text.len > 0 && text.len <= SUBJECT_MAX && memchr(text.at, '\t', text.len) == NULL &&
           line_check(text, &plain, &why) == STATUS_OK;
}

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
    if (request_has(r, KEY_CLIENT) && !is_client(r->value[KEY_CLIENT]))
        return problem_set(problem, STATUS_BAD_VALUE,
                           "client=: 1 to %d bytes of UTF-8 without control characters",
                           SUBJECT_MAX);
    return STATUS_OK;
}

void verify_batch_add(struct verify_batch *b, const struct question *q,
                      const struct series_pair *series, uid_t uid, struct iobuf *out)
{
    b->question[b->count] = *q;
    b->series[b->count] = series;
    b->uid[b->count] = uid;
    b->out[b->count] = out;
    b->count++;
}

void verify_batch_mark_fallback(struct verify_batch *b, struct slice service)
{
    b->unusual |= UINT64_C(1) << (b->count - 1);
    b->service[b->count - 1] = service;
}

static void put_verdict(struct text *t, const struct generation *g, const struct question *q,
                        const struct verdict *v, int64_t now)
{
    reply_begin(t, v->status);
    if (v->found) {
        text_adds(t, " id=");
        text_add_hex(t, v->digest, ID_SIZE);
        if (token_table_table(g)->has_sha256)
            sent_id_put(t, q->value, v->digest);
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
}

/* Hash as many values as are hashed together, and prefetch their slots, before the next: the processor
 * keeps only so many requests to memory under way, and these are answered while it hashes. */
static void hash_some(const struct generation *g, const struct slice value[], size_t count,
                      uint8_t *const digest[], struct verdict *const verdict[])
{
    token_digests(value, count, digest);
    for (size_t i = 0; i < count; i++) {
        verdict[i]->home = table_home(&g->table, digest[i]);
        generation_prefetch_home(g, verdict[i]->home);
    }
}

static void hash_all(struct verify_batch *b, const struct generation *g)
{
    struct slice value[BLAKE_LANES];
    uint8_t *digest[BLAKE_LANES];
    struct verdict *verdict[BLAKE_LANES];
    size_t some = 0;

    for (size_t i = 0; i < b->count; i++) {
        struct verdict *v = &b->verdict[i];
        b->hashed[i] = verdict_worth_hashing(&b->question[i], v);
        if (!b->hashed[i])
            continue;
        value[some] = b->question[i].value;
        verdict[some] = v;
        digest[some++] = v->digest;
        if (some < BLAKE_LANES)
            continue;
        hash_some(g, value, some, digest, verdict);
        some = 0;
    }
    hash_some(g, value, some, digest, verdict);
}

/* Prefetch what a later question needs behind the home slot of its value. */
static void look_ahead(const struct verify_batch *b, size_t i, const struct generation *g)
{
    if (i < b->count && b->hashed[i])
        table_prefetch_rest(&g->table, b->verdict[i].home, b->verdict[i].digest);
}

static void count(const struct verify_batch *b, size_t i, unsigned worker)
{
    const struct series_pair *series = b->series[i];
    enum status status = b->verdict[i].status;

    PROBE(verify, series->service->service, status_row(status)->word);
    series_count(series->service, worker, status);
    series_count(series->verifier, worker,
                 status == STATUS_OK          ? JETON_VERIFIER_PASS :
                 status == STATUS_UNAVAILABLE ? JETON_VERIFIER_ERROR :
                                                JETON_VERIFIER_FAIL);
}

/* Note who was refused what.  Not inlined, so that what passes does not carry it. */
static __attribute__((noinline)) void note_refusal(const struct verify_batch *b, size_t i,
                                                   unsigned worker, int64_t now)
{
    const struct verdict *v = &b->verdict[i];

    if (b->refusals != NULL)
        refusals_note_verdict(b->refusals, worker, v->found ? v->digest : NULL, v->status,
                              b->uid[i], now);
}

/* Let the reply tell that the fleet's lease has run out. */
static void mark_stale(struct verify_batch *b, size_t i)
{
    const uint64_t bit = UINT64_C(1) << i;

    if ((b->unusual & bit) == 0)
        b->service[i] = (struct slice){ NULL, 0 };
    b->unusual |= bit;
}

/* Judge all questions behind this one, whose verdict depends on the fleet's lease; then read the clock, once for
 * all of them. */
static void judge_in_fleet(struct verify_batch *b, size_t first, struct token_table *p,
                           const struct generation *g, int64_t now)
{
    for (size_t i = first + 1; i < b->count; i++) {
        struct verdict *v = &b->verdict[i];
        look_ahead(b, i + AHEAD, g);
        if (!b->hashed[i])
            continue;
        b->hashed[i] = false;
        verdict_judge(token_table_table(g), &b->question[i], now, v);
        if (v->status == STATUS_UNAVAILABLE && v->terms == VERDICT_FINAL)
            lookup_retry(p, g, &b->question[i], now, v);
    }
    int64_t boottime = clock_boottime();
    for (size_t i = first; i < b->count; i++)
        if (b->verdict[i].status == STATUS_UNAVAILABLE && !lookup_settle(&b->verdict[i], boottime))
            mark_stale(b, i);
}

/* Go on with a question that the table cannot answer so far. */
static __attribute__((noinline)) void judge_further(struct verify_batch *b, size_t i,
                                                    struct token_table *p,
                                                    const struct generation *g, int64_t now)
{
    struct verdict *v = &b->verdict[i];

    if (v->terms == VERDICT_FINAL)
        lookup_retry(p, g, &b->question[i], now, v);
    if (lookup_is_stale(v)) /* until the clock was read */
        judge_in_fleet(b, i, p, g, now);
}

/* End a reply that names its service, or tells that the fleet's lease has run out. */
static __attribute__((cold, noinline)) void end_unusual(const struct verify_batch *b, size_t i,
                                                        struct text *reply)
{
    const struct verdict *v = &b->verdict[i];

    if (b->service[i].at != NULL)
        fallback_put(reply, b->service[i]);
    reply_end(reply, v->status, lookup_is_stale(v) ? VERDICT_STALE_TEXT : NULL);
}

/* Judge one question and append its reply.  False: no memory for that. */
static bool answer_one(struct verify_batch *b, size_t i, struct token_table *p,
                       const struct generation *g, unsigned worker, int64_t now)
{
    struct verdict *v = &b->verdict[i];
    char *at = iobuf_reserve(b->out[i], VERIFY_REPLY_MAX);

    if (at == NULL)
        return false;
    if (b->hashed[i]) {
        verdict_judge(token_table_table(g), &b->question[i], now, v);
        if (v->status == STATUS_UNAVAILABLE)
            judge_further(b, i, p, g, now);
    }
    if (v->status == STATUS_OK)
        token_table_touch(g, v->slot, now);
    else
        note_refusal(b, i, worker, now);
    struct text reply = text_in(at, VERIFY_REPLY_MAX);
    put_verdict(&reply, g, &b->question[i], v, now);
    if (b->unusual != 0 && (b->unusual >> i & 1) != 0)
        end_unusual(b, i, &reply);
    else
        reply_end(&reply, v->status, NULL);
    iobuf_commit(b->out[i], reply.len);
    return true;
}

/* Note the time for each service in the batch: every question waited for all of them. */
static void note_time(const struct verify_batch *b, unsigned worker, uint64_t nanoseconds)
{
    for (size_t i = 0; i < b->count; i++) {
        struct series *service = b->series[i]->service;
        if (i > 0 && service == b->series[i - 1]->service)
            continue;
        series_time(service, worker, nanoseconds / b->count);
        series_latency(service, worker, nanoseconds);
    }
}

void verify_batch_answer(struct verify_batch *b, struct token_table *p, unsigned worker,
                         int64_t now)
{
    bool timed = b->batches++ % TIMED == 0;
    uint64_t began = timed ? clock_monotonic() : 0;
    const struct generation *g = token_table_enter(p, worker);
    hash_all(b, g);
    for (size_t i = 0; i < AHEAD; i++)
        look_ahead(b, i, g);
    for (size_t i = 0; i < b->count; i++) {
        look_ahead(b, i + AHEAD, g);
        if (answer_one(b, i, p, g, worker, now))
            count(b, i, worker);
    }
    token_table_leave(p, worker);
    if (timed)
        note_time(b, worker, clock_monotonic() - began);
    b->count = 0;
    b->unusual = 0;
}
