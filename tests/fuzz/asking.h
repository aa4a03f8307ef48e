/* SPDX-License-Identifier: Apache-2.0 */
/* How requests are asked, one or several at a time, what they are made of, and what clients see
 * that were lent the table.  fuzz_daemon.c includes this. */
#ifndef JETON_FUZZ_ASKING_H
#define JETON_FUZZ_ASKING_H

#include "plugin/lib/table_view.h"
#include "tests/fuzz/answers.h"

enum { BATCH = LEDGER_PENDING };

static struct feed feed;
static struct asked batch[BATCH];
static unsigned asked_count;
static enum role batch_role;
static unsigned bystander_turns;
static bool ledger_lags; /* it does not know yet what the daemon has purged */

/* -- what clients see with the table ------------------------------------------------------ */

/* NULL: of a token that is not here. */
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

static void check_in_view(struct table_views *views, const struct token *t)
{
    static struct table_view_gate gate;
    static struct table_view_uses uses;
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    struct question q = { .value = slice_of(t->value) };
    struct verdict v;
    char words[32];
    int64_t now;

    if (t->value[0] == '\0')
        return;
    MUST(table_view_ask(views, &gate, &uses, &q, &v, &now, &claims) && now == fuzz_clock.wall);
    snprintf(words, sizeof(words), "%s%s", v.status == STATUS_OK ? "OK" : "NO ",
             v.status == STATUS_OK ? "" : status_row(v.status)->word);
    t = ledger_find(t->id);
    MUST(strcmp(words, ledger_verdict(t, 0, SUBJECTS, now)) == 0);
    check_claims_in_view(&claims, t, &v);
}

static void check_table(void)
{
    static const struct table_view_terms terms = { .final = true };
    struct table_views views = { .retired = NULL };
    struct table_view *view;
    struct stat st;

    token_table_renew(core.writer.token_table);
    MUST(fstat(core.table, &st) == 0);
    MUST(table_view_open(core.table, (uint64_t)st.st_size, &terms, &view) == NULL);
    close(core.table);
    core.table = -1;
    atomic_store(&views.current, view);
    for (unsigned i = 0; i < ledger.tokens; i++)
        check_in_view(&views, &ledger.token[i]);
    table_views_free(&views);
}

/* -- query ------------------------------------------------------------------------------- */

/* The bystander asks for one token after the other, and waits for the turn to end. */
static void bystander_asks(const struct token *t)
{
    char room[128];
    struct text line = text_in(room, sizeof(room));

    text_addf(&line, "verify %s\n", t->value);
    core_put(&core.session[BYSTANDER], text_slice(&line));
    dispatch_run(&core.session[BYSTANDER]);
}

/* What was asked in the same turn is still to be done.  NULL: of a token that is not here. */
static void bystander_is_told(const struct token *t, const char *words)
{
    struct iobuf *out = &core.session[BYSTANDER].out;
    size_t len;

    dispatch_end(&core.session[BYSTANDER]);
    len = iobuf_len(out);
    MUST(len > 0 && memchr(iobuf_front(out), '\n', len) == iobuf_front(out) + len - 1);
    look_at((struct slice){ iobuf_front(out), len - 1 });
    expect_judged(t, words);
    iobuf_consume(out, len);
}

/* Answers all that was asked.  The bystander asks for a token beside it, and is told what held
 * before. */
static void run_beside(const struct token *asked)
{
    struct token *t = ledger_find(asked->id), before;
    char words[32];

    snprintf(words, sizeof(words), "%s", ledger_verdict(t, 0, SUBJECTS, fuzz_clock.wall));
    if (strcmp(words, "OK") == 0)
        ledger_use(t);
    if (t != NULL)
        before = *t;
    bystander_asks(asked);
    core_run(&core.session[batch_role]);
    bystander_is_told(t != NULL ? &before : NULL, words);
}

/* Lets everything that was asked be answered, and looks at the answers in order. */
static void flush(void)
{
    const struct token *t = ledger.tokens > 0 ? &ledger.token[bystander_turns++ % ledger.tokens] :
                                                NULL;

    if (asked_count == 0)
        return;
    core.said = reply.next = 0;
    if (!ledger_lags && t != NULL && t->value[0] != '\0')
        run_beside(t);
    else
        core_run(&core.session[batch_role]);
    ledger.uid = 1000 + batch_role;
    ledger.pid = 1;
    for (unsigned i = 0; i < asked_count; i++) {
        next_reply();
        batch[i].settle(&batch[i]);
    }
    MUST(reply.next == core.said);
    asked_count = 0;
    if (core.table >= 0)
        check_table();
}

static void ask(enum role role, struct asked *a, struct text *line)
{
    if (asked_count == BATCH || role != batch_role)
        flush();
    batch_role = role;
    if (a->needs > role)
        a->settle = settle_refused;
    text_addc(line, '\n');
    MUST(!line->cut);
    core_put(&core.session[role], text_slice(line));
    a->role = role;
    batch[asked_count++] = *a;
}

/* -- what a request is made of ------------------------------------------------------------ */

static const int64_t spans[] = { 1, 2, 5, 9, 10, 11, 60, 600, 999, 1000, 1001, 100000 };

static int64_t take_span(void)
{
    return spans[feed_byte(&feed) % (sizeof(spans) / sizeof(spans[0]))];
}

static int64_t take_time(void)
{
    unsigned byte = feed_byte(&feed);
    int64_t span = spans[byte / 2 % (sizeof(spans) / sizeof(spans[0]))];

    return byte % 2 == 0 || fuzz_clock.wall <= span ? fuzz_clock.wall + span :
                                                      fuzz_clock.wall - span;
}

/* One that is or was there, or a stranger. */
static struct token take_token(void)
{
    struct token t = { .id = STRANGER, .value = "a-value-that-nobody-ever-heard-of" };
    unsigned n = feed_byte(&feed);

    return n % (LEDGER_TOKENS + 1) < ledger.tokens ? ledger.token[n % (LEDGER_TOKENS + 1)] : t;
}

/* What create and import have in common.  The description is chosen by the same byte as the rest,
 * so that inputs from before it was there mean what they did. */
static void take_claims(struct token *t, struct text *line, int64_t delay)
{
    unsigned flags = feed_byte(&feed);
    int64_t now = fuzz_clock.wall, span;

    t->created = now;
    t->activates = delay > 0 ? now + delay : 0;
    t->expires = NEVER;
    t->subject = (flags & 3) % SUBJECTS;
    t->scopes = flags >> 2 & 7;
    t->description = flags % DESCRIPTIONS;
    if (t->subject != NOBODY)
        line_puts(line, "subject", subjects[t->subject]);
    if (t->scopes != 0)
        line_puts(line, "scopes", asked_scopes[t->scopes]);
    if (t->description != 0)
        line_puts(line, "description", descriptions[t->description]);
    if (flags & 0x20) {
        span = feed_byte(&feed) % 4 == 0 ? 0 : take_span();
        text_addf(line, " delay=%llds", (long long)span);
        t->activates = span > 0 ? now + span : 0;
    }
    if (flags & 0x40) {
        t->expires = now + take_span();
        text_addf(line, " ttl=%llds", (long long)(t->expires - now));
    } else if (flags & 0x80) {
        t->expires = take_time();
        line_put_time(line, "expires", t->expires);
    }
}

/* What was before, as an export tells it: by the dates. */
static void put_past(struct token *t, struct text *line)
{
    memcpy(t->replaces, STRANGER, sizeof(t->replaces));
    line_puts(line, "replaces", t->replaces);
    t->revoked_at = t->disabled_at = t->created > 0 ? t->created : 1;
    if (t->revoked)
        line_put_time(line, "revoked", t->revoked_at);
    if (t->disabled)
        line_put_time(line, "disabled", t->disabled_at);
}

/* -- requests in several places ----------------------------------------------------------- */

static void ask_about(enum role role, struct asked *a, struct text *line, const char *verb)
{
    text_adds(line, verb);
    line_puts(line, "id", a->token.id);
    a->needs = ROLE_ADMIN;
    ask(role, a, line);
}

static void ask_list(enum role role, struct asked *a, struct text *line, unsigned flags)
{
    a->settle = settle_list;
    a->needs = ROLE_OBSERVE;
    a->subject = (flags & 3) < SUBJECTS ? flags & 3 : SUBJECTS;
    a->scopes = flags >> 2 & 7;
    a->limit = flags >> 5;
    text_adds(line, "list");
    if (a->subject < SUBJECTS)
        line_puts(line, "subject", subjects[a->subject]);
    if (a->scopes != 0)
        line_puts(line, "scope", asked_scopes[a->scopes]);
    if (a->limit > 0)
        line_put_u64(line, "limit", a->limit);
    ask(role, a, line);
}

/* With a limit it is `journal`, else `watch` that ends with the next request. */
static void ask_journal(enum role role, uint64_t after, uint64_t limit, struct text *line)
{
    struct asked a = {
        .settle = settle_journal,
        .needs = ROLE_OBSERVE,
        .after = after,
        .limit = limit,
    };

    text_adds(line, limit > 0 ? "journal" : "watch");
    line_put_u64(line, "after", after);
    if (limit > 0)
        line_put_u64(line, "limit", limit);
    ask(role, &a, line);
    a = (struct asked){ .settle = settle_ping };
    *line = text_in(line->at, line->cap);
    text_adds(line, "ping");
    ask(role, &a, line);
}

#endif
