/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/judge.h"

#include "proto/reply.h"
#include "proto/scopes.h"
#include "proto/token.h"

enum { TORN_RETRIES = 3 };

enum status judge_add(struct judge *j, const struct request *r, struct problem *problem)
{
    struct question *q = &j->question[j->count];
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
    j->count++;
    return STATUS_OK;
}

/* A verdict that could not be read while the writer was in the way waits for that one change. */
static void judge_one(struct judge *j, size_t i, struct publisher *p, const struct table *table,
                      int64_t now)
{
    verdict_judge(table, &j->question[i], now, &j->verdict[i]);
    for (int t = 0; t < TORN_RETRIES && j->verdict[i].status == STATUS_UNAVAILABLE; t++) {
        publish_settle(p);
        verdict_judge(table, &j->question[i], now, &j->verdict[i]);
    }
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

static void hash_all(struct judge *j, const struct generation *g)
{
    for (size_t i = 0; i < j->count; i++) {
        struct verdict *v = &j->verdict[i];
        j->hashed[i] = verdict_worth_hashing(&j->question[i], v);
        if (!j->hashed[i])
            continue;
        token_digest(j->question[i].value, v->digest);
        table_prefetch(publish_table(g), v->digest);
        publish_touch_prefetch(g, v->digest);
    }
}

bool judge_answer(struct judge *j, struct publisher *p, unsigned reader, int64_t now,
                  _Atomic uint64_t counts[STATUS_COUNT], struct iobuf *out)
{
    bool well = true;

    if (j->count == 0)
        return true;
    const struct generation *g = publish_enter(p, reader);
    hash_all(j, g);
    for (size_t i = 0; i < j->count && well; i++) {
        struct verdict *v = &j->verdict[i];
        char *room = iobuf_reserve(out, JUDGE_REPLY_MAX);
        well = room != NULL;
        if (!well)
            break;
        if (j->hashed[i])
            judge_one(j, i, p, publish_table(g), now);
        if (v->status == STATUS_OK)
            publish_touch(g, v->slot, now);
        struct text reply = text_in(room, JUDGE_REPLY_MAX);
        put_verdict(&reply, v, now);
        iobuf_commit(out, reply.len);
        atomic_store_explicit(&counts[v->status], counts[v->status] + 1, memory_order_relaxed);
    }
    publish_leave(p, reader);
    j->count = 0;
    return well;
}
