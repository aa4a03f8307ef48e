/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_info.h"

#include "daemon/base/clock.h"
#include "daemon/session/cmd_stats.h"
#include "proto/reply.h"
#include "proto/token.h"

typedef void answer(const struct asker *asker, const struct request *r, struct text *t);
static answer answer_id, answer_hello, answer_help, answer_ok, answer_stats, answer_used;

static answer *const answers[VERB_COUNT] = {
    [VERB_ID] = answer_id,     [VERB_HELLO] = answer_hello, [VERB_HELP] = answer_help,
    [VERB_PING] = answer_ok,   [VERB_QUIT] = answer_ok,     [VERB_STATS] = answer_stats,
    [VERB_USED] = answer_used,
};

bool answer_takes(enum verb verb)
{
    return answers[verb] != NULL;
}

/* A service's lines are the longest of stats: twelve answers. */
size_t answer_room(const struct server *server, enum verb verb)
{
    enum { PLAIN = 2 * LINE_MAX_BYTES + FIGURES_MAX, METERED = 16 * 192 };
    size_t metrics = 0;

    if (verb == VERB_STATS)
        for (const struct series *m = atomic_load(&server->metrics.first); m != NULL; m = m->next)
            metrics++;
    return PLAIN + metrics * METERED;
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
    static const struct {
        const char *name;
        unsigned value;
    } limits[] = {
        { "line_max", LINE_MAX_BYTES },
        { "value_min", VALUE_MIN },
        { "value_max", VALUE_MAX },
        { "scopes_max", SCOPES_MAX },
        { "scope_max", SCOPE_WORD_MAX },
        { "subject_max", SUBJECT_MAX },
        { "description_max", DESCRIPTION_MAX },
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
        token_table_touch_id(asker->server->token_table, id, clock_wall());
        reply_plain(t, STATUS_OK, NULL);
    }
}

/* -- stats ----------------------------------------------------------------------------------- */

struct listing {
    struct text *text;
    uint64_t count;
};

/* True for what a verification can come to, but for wrong questions. */
static bool is_verdict(enum status s)
{
    return status_row(s)->kind != ANSWER_ERR || s == STATUS_UNAVAILABLE;
}

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

/* What every service answered, together. */
static void put_answers(struct listing *l, const struct server *server)
{
    uint64_t sum[STATUS_COUNT] = { 0 };
    struct series_part part;
    char name[32];

    for (const struct series *m = atomic_load(&server->metrics.first); m != NULL; m = m->next) {
        series_read(m, &part);
        for (enum status s = 0; s < STATUS_COUNT && m->verifier[0] == '\0'; s++)
            sum[s] += part.count[s];
    }
    for (enum status s = 0; s < STATUS_COUNT; s++) {
        if (!is_verdict(s))
            continue;
        struct text t = text_in(name, sizeof(name));
        text_adds(&t, "verify_");
        text_adds(&t, status_row(s)->word);
        text_add(&t, "", 1);
        put(l, name, sum[s]);
    }
}

static void put_lanes(struct listing *l, const struct server *server)
{
    uint64_t requests = 0, tables = 0;

    for (size_t i = 0; i < server->workers; i++) {
        const struct worker_counters *c = &server->worker[i].counters;
        requests += atomic_load(&c->requests);
        tables += atomic_load(&c->tables);
    }
    put(l, "requests", requests);
    put(l, "tables_sent", tables);
    put_answers(l, server);
}

/* One line of a service, or of a verifier in its stack. */
static void put_metered(struct listing *l, const struct series *m, const char *name,
                        const char *key, const char *word, uint64_t value)
{
    put_name(l, name);
    line_puts(l->text, "service", m->service);
    if (m->verifier[0] != '\0')
        line_puts(l->text, "verifier", m->verifier);
    if (key != NULL)
        line_puts(l->text, key, word);
    line_put_u64(l->text, "value", value);
    text_addc(l->text, '\n');
}

static void put_service(struct listing *l, const struct series *m)
{
    struct series_part part;

    series_read(m, &part);
    for (enum status s = 0; s < STATUS_COUNT; s++)
        if (is_verdict(s))
            put_metered(l, m, "service_answers", "answer", status_row(s)->word, part.count[s]);
    put_metered(l, m, "service_timed", NULL, NULL, part.timed);
    put_metered(l, m, "service_timed_microseconds", NULL, NULL, part.nanoseconds / 1000);
}

static void put_verifier(struct listing *l, const struct series *m)
{
    static const char *const words[OUTCOME_COUNT] = {
        [JETON_VERIFIER_PASS] = "pass",
        [JETON_VERIFIER_FAIL] = "fail",
        [JETON_VERIFIER_IGNORE] = "ignore",
        [JETON_VERIFIER_ERROR] = "error",
    };
    struct series_part part;

    series_read(m, &part);
    for (int o = 0; o < OUTCOME_COUNT; o++)
        put_metered(l, m, "verifier_outcomes", "outcome", words[o], part.count[o]);
    put_metered(l, m, "verifier_timed", NULL, NULL, part.timed);
    put_metered(l, m, "verifier_timed_microseconds", NULL, NULL, part.nanoseconds / 1000);
}

static void put_meters(struct listing *l, const struct server *server)
{
    for (const struct series *m = atomic_load(&server->metrics.first); m != NULL; m = m->next)
        if (m->verifier[0] == '\0')
            put_service(l, m);
        else
            put_verifier(l, m);
}

static void put_keeper(struct listing *l, const struct server *server)
{
    struct writer_thread_figures k = writer_thread_figures(server->writer_thread);

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
    struct token_table_figures p = token_table_figures(server->token_table);
    struct client_limit_figures q = client_limit_figures(server->client_limit);
    struct listing l = { t, 0 };

    (void)r;
    put_name(&l, "version");
    line_puts(t, "value", JETON_VERSION);
    text_addc(t, '\n');
    put(&l, "uptime_seconds", (uint64_t)(clock_wall() - server->started));
    put(&l, "workers", server->workers);
    put(&l, "connections", q.now);
    put(&l, "connections_total", q.total);
    put(&l, "connections_refused", q.refused);
    put_lanes(&l, server);
    put(&l, "tokens", p.tokens);
    put(&l, "table_slots", p.slots);
    put(&l, "table_bytes", p.bytes);
    put(&l, "table_generation", p.generation);
    put_keeper(&l, server);
    put_meters(&l, server);
    l.count += figures_put(server, t);
    put_count(t, l.count);
}
