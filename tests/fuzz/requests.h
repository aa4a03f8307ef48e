/* SPDX-License-Identifier: Apache-2.0 */
/* Generate requests from the input, send them alone or in batches, and verify through the shared
 * table.  Included by fuzz_daemon.c. */
#ifndef JETON_FUZZ_REQUESTS_H
#define JETON_FUZZ_REQUESTS_H

#include "plugin/lib/table_view.h"
#include "tests/fuzz/expectations.h"

FUZZ_HARNESS_BEGINS

enum { BATCH = MODEL_PENDING };

static struct fuzz_input in;
static struct pending_request batch[BATCH];
static unsigned pending_count;
static enum role batch_role;
static unsigned bystander_turns;
static bool model_is_behind; /* the daemon has purged tokens that the model still has */

/* -- verifying through the table ---------------------------------------------------------- */

/* Check the claims of a pass by the table; NULL: of an unknown token. */
static void check_claims_in_view(const struct jeton_claims *c, const struct token *t,
                                 const struct verdict *v)
{
    bool good = v->status == STATUS_OK;

    MUST(c->source == JETON_TABLE && strcmp(c->id, t != NULL ? t->id : "") == 0);
    MUST(c->retry_after == (v->status == STATUS_PENDING ? t->activates - fuzz_clock.wall : 0));
    MUST(c->expires == (good ? t->expires : 0));
    MUST(strcmp(c->verifier, good ? "local" : "") == 0);
    MUST(strcmp(c->subject, good ? subjects[t->subject] : "") == 0);
    MUST(strcmp(c->scopes, good ? shown_scopes[t->scopes] : "") == 0);
}

static void check_token_in_view(struct table_views *views, const struct token *t)
{
    static struct table_view_readers readers;
    static struct recent_uses recent_uses;
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    struct question q = { .value = slice_of(t->value) };
    struct verdict v;
    char words[32];
    int64_t now;

    if (t->value[0] == '\0')
        return;
    MUST(table_view_lookup(views, &readers, &recent_uses, &q, &v, &now, &claims) &&
         now == fuzz_clock.wall);
    snprintf(words, sizeof(words), "%s%s", v.status == STATUS_OK ? "OK" : "NO ",
             v.status == STATUS_OK ? "" : status_row(v.status)->word);
    t = model_find(t->id);
    MUST(strcmp(words, model_verdict(t, 0, SUBJECTS, now)) == 0);
    check_claims_in_view(&claims, t, &v);
}

static void check_table(void)
{
    static const struct table_view_conditions terms = { .final = true };
    struct table_views views = { .retired = NULL };
    struct table_view *view;
    struct stat st;

    token_table_renew_lease(inproc.writer.token_table);
    MUST(fstat(inproc.table, &st) == 0);
    MUST(table_view_open(inproc.table, (uint64_t)st.st_size, &terms, &view) == NULL);
    close(inproc.table);
    inproc.table = -1;
    atomic_store(&views.current, view);
    for (unsigned i = 0; i < model.tokens; i++)
        check_token_in_view(&views, &model.token[i]);
    table_views_free(&views);
}

/* -- sending ----------------------------------------------------------------------------- */

/* Send a verification on the bystander's session, in the turn of another session. */
static void bystander_sends(const struct token *t)
{
    char buffer[128];
    struct text line = text_in(buffer, sizeof(buffer));

    text_addf(&line, "verify %s\n", t->value);
    inproc_send(&inproc.session[BYSTANDER], text_slice(&line));
    inproc.worker.turn = endless_turn;
    dispatch_run(&inproc.session[BYSTANDER]);
}

/* Check the bystander's reply, before the requests of the turn take effect; NULL: of an unknown
 * token. */
static void bystander_receives(const struct token *t, const char *words)
{
    struct iobuf *out = &inproc.session[BYSTANDER].out;
    size_t len;

    dispatch_end(&inproc.session[BYSTANDER]);
    len = iobuf_len(out);
    MUST(len > 0 && memchr(iobuf_front(out), '\n', len) == iobuf_front(out) + len - 1);
    parse_line((struct slice){ iobuf_front(out), len - 1 });
    expect_verdict(t, words);
    iobuf_consume(out, len);
}

/* Run the batch while the bystander verifies a token, whose reply is by the state before the
 * batch. */
static void run_with_bystander(const struct token *pending_request)
{
    struct token *t = model_find(pending_request->id), before;
    char words[32];

    snprintf(words, sizeof(words), "%s", model_verdict(t, 0, SUBJECTS, fuzz_clock.wall));
    if (strcmp(words, "OK") == 0)
        model_mark_used(t);
    else if (t != NULL)
        model_mark_refused(t);
    if (t != NULL)
        before = *t;
    bystander_sends(pending_request);
    inproc_run(&inproc.session[batch_role]);
    bystander_receives(t != NULL ? &before : NULL, words);
}

/* Run the batch, and check its replies in order. */
static void flush(void)
{
    const struct token *t = model.tokens > 0 ? &model.token[bystander_turns++ % model.tokens] :
                                               NULL;

    if (pending_count == 0)
        return;
    inproc.shown = reply.next = 0;
    if (!model_is_behind && t != NULL && t->value[0] != '\0')
        run_with_bystander(t);
    else
        inproc_run(&inproc.session[batch_role]);
    model.uid = 1000 + batch_role;
    model.pid = 1;
    for (unsigned i = 0; i < pending_count; i++) {
        next_reply();
        batch[i].check(&batch[i]);
    }
    MUST(reply.next == inproc.shown);
    pending_count = 0;
    if (inproc.table >= 0)
        check_table();
}

static void send_request(enum role role, struct pending_request *a, struct text *line)
{
    if (pending_count == BATCH || role != batch_role)
        flush();
    batch_role = role;
    if (a->needs > role)
        a->check = check_forbidden;
    text_addc(line, '\n');
    MUST(!line->cut);
    inproc_send(&inproc.session[role], text_slice(line));
    a->role = role;
    batch[pending_count++] = *a;
}

/* -- generating --------------------------------------------------------------------------- */

static const int64_t spans[] = { 1, 2, 5, 9, 10, 11, 60, 600, 999, 1000, 1001, 100000 };

static int64_t choose_span(void)
{
    return spans[consume_byte(&in) % (sizeof(spans) / sizeof(spans[0]))];
}

static int64_t choose_time(void)
{
    unsigned byte = consume_byte(&in);
    int64_t span = spans[byte / 2 % (sizeof(spans) / sizeof(spans[0]))];

    return byte % 2 == 0 || fuzz_clock.wall <= span ? fuzz_clock.wall + span :
                                                      fuzz_clock.wall - span;
}

/* Choose a token that exists or existed, or an unknown one. */
static struct token choose_token(void)
{
    struct token t = { .id = UNKNOWN_ID, .value = "a-value-that-nobody-ever-heard-of" };
    unsigned n = consume_byte(&in);

    return n % (MODEL_TOKENS + 1) < model.tokens ? model.token[n % (MODEL_TOKENS + 1)] : t;
}

/* Choose the claims of create and import.  The description depends on the same byte as the rest,
 * so that older inputs keep their meaning. */
static void choose_claims(struct token *t, struct text *line, int64_t delay)
{
    unsigned flags = consume_byte(&in);
    int64_t now = fuzz_clock.wall, span;

    t->created = now;
    t->activates = delay > 0 ? now + delay : 0;
    t->expires = NEVER;
    t->subject = (flags & 3) % SUBJECTS;
    t->scopes = flags >> 2 & 7;
    t->description = flags % DESCRIPTIONS;
    if (t->subject != NO_SUBJECT)
        line_puts(line, "subject", subjects[t->subject]);
    if (t->scopes != 0)
        line_puts(line, "scopes", requested_scopes[t->scopes]);
    if (t->description != 0)
        line_puts(line, "description", descriptions[t->description]);
    if (flags & 0x20) {
        span = consume_byte(&in) % 4 == 0 ? 0 : choose_span();
        text_addf(line, " delay=%llds", (long long)span);
        t->activates = span > 0 ? now + span : 0;
    }
    if (flags & 0x40) {
        t->expires = now + choose_span();
        text_addf(line, " ttl=%llds", (long long)(t->expires - now));
    } else if (flags & 0x80) {
        t->expires = choose_time();
        line_put_time(line, "expires", t->expires);
    }
}

/* Add the dates that an export has. */
static void put_dates(struct token *t, struct text *line)
{
    memcpy(t->replaces, UNKNOWN_ID, sizeof(t->replaces));
    line_puts(line, "replaces", t->replaces);
    t->revoked_at = t->disabled_at = t->created > 0 ? t->created : 1;
    if (t->revoked)
        line_put_time(line, "revoked", t->revoked_at);
    if (t->disabled)
        line_put_time(line, "disabled", t->disabled_at);
}

/* Add a denial without a date, which is the importer's. */
static void put_state(enum role role, struct token *t, struct text *line)
{
    line_puts(line, "state", t->revoked ? "revoked" : "disabled");
    t->has_revoked_by = t->revoked;
    t->has_disabled_by = t->disabled;
    t->revoked_by = t->disabled_by = 1000 + role;
}

/* -- requests ----------------------------------------------------------------------------- */

static void request_by_id(enum role role, struct pending_request *a, struct text *line,
                          const char *verb)
{
    text_adds(line, verb);
    line_puts(line, "id", a->token.id);
    a->needs = ROLE_ADMIN;
    send_request(role, a, line);
}

static void request_list(enum role role, struct pending_request *a, struct text *line,
                         unsigned flags)
{
    a->check = check_list;
    a->needs = ROLE_OBSERVE;
    a->subject = (flags & 3) < SUBJECTS ? flags & 3 : SUBJECTS;
    a->scopes = flags >> 2 & 7;
    a->limit = flags >> 5;
    text_adds(line, "list");
    if (a->subject < SUBJECTS)
        line_puts(line, "subject", subjects[a->subject]);
    if (a->scopes != 0)
        line_puts(line, "scope", requested_scopes[a->scopes]);
    if (a->limit > 0)
        line_put_u64(line, "limit", a->limit);
    send_request(role, a, line);
}

/* Send `journal`; without a limit `watch`, which the next request, in the same batch, ends. */
static void request_journal(enum role role, uint64_t after, uint64_t limit, struct text *line)
{
    struct pending_request a = {
        .check = check_journal,
        .needs = ROLE_OBSERVE,
        .after = after,
        .limit = limit,
    };

    if (pending_count + 2 > BATCH)
        flush();
    text_adds(line, limit > 0 ? "journal" : "watch");
    line_put_u64(line, "after", after);
    if (limit > 0)
        line_put_u64(line, "limit", limit);
    send_request(role, &a, line);
    a = (struct pending_request){ .check = check_ping };
    *line = text_in(line->at, line->cap);
    text_adds(line, "ping");
    send_request(role, &a, line);
}

FUZZ_HARNESS_ENDS

#endif
