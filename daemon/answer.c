/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/answer.h"

#include <time.h>

#include "proto/reply.h"
#include "proto/token.h"

typedef void answer(const struct asker *asker, const struct request *r, struct text *t);
static answer answer_id, answer_hello, answer_help, answer_ok, answer_stats, answer_used;

static answer *const answers[VERB_COUNT] = {
    [VERB_ID] = answer_id, [VERB_HELLO] = answer_hello, [VERB_HELP] = answer_help,
    [VERB_PING] = answer_ok, [VERB_QUIT] = answer_ok, [VERB_STATS] = answer_stats,
    [VERB_USED] = answer_used,
};

bool answer_takes(enum verb verb)
{
    return answers[verb] != NULL;
}

void answer_request(const struct asker *asker, const struct request *r, struct text *reply)
{
    answers[r->verb](asker, r, reply);
}

static void answer_ok(const struct asker *asker, const struct request *r, struct text *t)
{
    (void)asker;
    (void)r;
    reply_plain(t, STATUS_OK, NULL);
}

static void answer_id(const struct asker *asker, const struct request *r, struct text *t)
{
    enum token_form form = token_form(r->value[KEY_TOKEN], asker->server->settings.prefix);
    uint8_t digest[DIGEST_SIZE];

    if (form == TOKEN_ID) {
        reply_plain(t, STATUS_IDENTIFIER, NULL);
        return;
    }
    if (form == TOKEN_BAD_LENGTH || form == TOKEN_BAD_CHECK) {
        reply_plain(t, STATUS_MALFORMED, NULL);
        return;
    }
    token_digest(r->value[KEY_TOKEN], digest);
    reply_begin(t, STATUS_OK);
    text_adds(t, " id=");
    text_add_hex(t, digest, ID_SIZE);
    reply_end(t, STATUS_OK, NULL);
}

static void answer_hello(const struct asker *asker, const struct request *r, struct text *t)
{
    static const struct { const char *name; unsigned value; } limits[] = {
        { "line_max", LINE_MAX_BYTES }, { "value_min", VALUE_MIN }, { "value_max", VALUE_MAX },
        { "scopes_max", SCOPES_MAX }, { "scope_max", SCOPE_WORD_MAX },
        { "subject_max", SUBJECT_MAX }, { "description_max", DESCRIPTION_MAX },
    };

    (void)r;
    reply_begin(t, STATUS_OK);
    line_put_u64(t, "protocol", PROTOCOL_VERSION);
    line_puts(t, "version", JETON_VERSION);
    line_puts(t, "role", role_name(asker->role));
    line_puts(t, "prefix", asker->server->settings.prefix);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        line_put_u64(t, limits[i].name, limits[i].value);
    reply_end(t, STATUS_OK, NULL);
}

static void put_count(struct text *t, uint64_t count)
{
    reply_begin(t, STATUS_OK);
    line_put_u64(t, "count", count);
    reply_end(t, STATUS_OK, NULL);
}

static void answer_help(const struct asker *asker, const struct request *r, struct text *t)
{
    uint64_t count = 0;

    for (enum verb v = 0; v < VERB_COUNT; v++) {
        const struct verb_row *row = verb_row(v);
        if (row->role > asker->role ||
            (request_has(r, KEY_VERB) && !slice_is(r->value[KEY_VERB], row->name)))
            continue;
        text_addc(t, '*');
        line_puts(t, "verb", row->name);
        line_puts(t, "usage", row->usage);
        line_puts(t, "summary", row->summary);
        text_addc(t, '\n');
        count++;
    }
    if (count > 0)
        put_count(t, count);
    else
        reply_plain(t, STATUS_UNKNOWN_VERB, "this socket grants no such verb; try help");
}

static void answer_used(const struct asker *asker, const struct request *r, struct text *t)
{
    uint8_t id[ID_SIZE];

    if (!asker->may_have_table) {
        reply_plain(t, STATUS_FORBIDDEN, "only who may have the table may report uses of it");
    } else if (!token_id_parse(r->value[KEY_ID], id)) {
        reply_plain(t, STATUS_BAD_VALUE, "an identifier is 20 hex digits");
    } else {
        publish_touch_id(asker->server->publisher, id, time(NULL));
        reply_plain(t, STATUS_OK, NULL);
    }
}

/* -- stats ----------------------------------------------------------------------------------- */

struct listing {
    struct text *text;
    uint64_t count;
};

static void put_name(struct listing *l, const char *name)
{
    text_addc(l->text, '*');
    line_puts(l->text, "name", name);
    l->count++;
}

static void put(struct listing *l, const char *name, uint64_t value)
{
    put_name(l, name);
    line_put_u64(l->text, "value", value);
    text_addc(l->text, '\n');
}

static void put_lanes(struct listing *l, const struct server *server)
{
    struct lane_counters sum = { 0 };
    char name[32];

    for (size_t i = 0; i < server->lanes; i++) {
        const struct lane_counters *c = &server->lane[i].counters;
        sum.requests += atomic_load(&c->requests);
        sum.tables += atomic_load(&c->tables);
        for (enum status s = 0; s < STATUS_COUNT; s++)
            sum.verdicts[s] += atomic_load(&c->verdicts[s]);
    }
    put(l, "requests", sum.requests);
    put(l, "tables_sent", sum.tables);
    for (enum status s = 0; s < STATUS_COUNT; s++) {
        if (status_row(s)->kind == ANSWER_ERR && s != STATUS_UNAVAILABLE)
            continue;
        struct text t = text_in(name, sizeof(name));
        text_adds(&t, "verify_");
        text_adds(&t, status_row(s)->word);
        text_add(&t, "", 1);
        put(l, name, sum.verdicts[s]);
    }
}

static void put_keeper(struct listing *l, const struct server *server)
{
    struct keeper_figures k = keeper_figures(server->keeper);

    put(l, "store_bytes", k.store_bytes);
    put(l, "commits", k.commits);
    put(l, "changes", k.changes);
    put(l, "store_failures", k.failures);
    put(l, "denials_unsaved", k.denials_unsaved);
    put(l, "journal_oldest", k.journal_oldest);
    put(l, "journal_newest", k.journal_newest);
}

static void answer_stats(const struct asker *asker, const struct request *r, struct text *t)
{
    const struct server *server = asker->server;
    struct publish_figures p = publish_figures(server->publisher);
    struct quota_figures q = quota_figures(server->quota);
    struct listing l = { t, 0 };

    (void)r;
    put_name(&l, "version");
    line_puts(t, "value", JETON_VERSION);
    text_addc(t, '\n');
    put(&l, "uptime_seconds", (uint64_t)(time(NULL) - server->started));
    put(&l, "workers", server->lanes);
    put(&l, "connections", q.now);
    put(&l, "connections_total", q.total);
    put(&l, "connections_refused", q.refused);
    put_lanes(&l, server);
    put(&l, "tokens", p.tokens);
    put(&l, "table_slots", p.slots);
    put(&l, "table_bytes", p.bytes);
    put(&l, "table_generation", p.generation);
    put_keeper(&l, server);
    put_count(t, l.count);
}
