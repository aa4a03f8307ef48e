/* SPDX-License-Identifier: Apache-2.0 */
/* How requests are asked, one or several at a time, what they are made of, and what clients see
 * that were lent the table.  fuzz_daemon.c includes this. */
#ifndef JETON_FUZZ_ASKING_H
#define JETON_FUZZ_ASKING_H

#include "plugin/view.h"
#include "tests/fuzz/answers.h"

enum { BATCH = LEDGER_PENDING };

static struct feed feed;
static struct asked batch[BATCH];
static unsigned asked_count;
static enum role batch_role;
static unsigned bystander_turns;
static bool ledger_lags;                /* it does not know yet what the daemon has purged */

/* -- what clients see with the table ------------------------------------------------------ */

static void check_in_view(struct views *views, const struct token *t)
{
    static struct view_gate gate;
    static struct view_uses uses;
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    struct question q = { .value = slice_of(t->value) };
    struct verdict v;
    char words[32];
    int64_t now;

    if (t->value[0] == '\0')
        return;
    MUST(view_ask(views, &gate, &uses, &q, &v, &now, &claims) && now == fuzz_clock.wall);
    snprintf(words, sizeof(words), "%s%s", v.status == STATUS_OK ? "OK" : "NO ",
             v.status == STATUS_OK ? "" : status_row(v.status)->word);
    MUST(strcmp(words, ledger_verdict(ledger_find(t->id), 0, SUBJECTS, now)) == 0);
}

static void check_table(void)
{
    static const struct view_terms terms = { .final = true };
    struct views views = { .retired = NULL };
    struct view *view;
    struct stat st;

    publish_renew(core.writer.publisher);
    MUST(fstat(core.table, &st) == 0);
    MUST(view_open(core.table, (uint64_t)st.st_size, &terms, &view) == NULL);
    close(core.table);
    core.table = -1;
    atomic_store(&views.current, view);
    for (unsigned i = 0; i < ledger.tokens; i++)
        check_in_view(&views, &ledger.token[i]);
    views_free(&views);
}

/* -- asking ------------------------------------------------------------------------------- */

/* The bystander asks for one token after the other, and waits for the turn to end. */
static void bystander_asks(const struct token *t)
{
    char room[128];
    struct text line = text_in(room, sizeof(room));

    text_addf(&line, "verify %s\n", t->value);
    core_put(&core.session[BYSTANDER], text_slice(&line));
    dispatch_run(&core.session[BYSTANDER]);
}

/* What was asked in the same turn is still to be done. */
static void bystander_is_told(const char *verdict)
{
    struct iobuf *out = &core.session[BYSTANDER].out;
    size_t len = strlen(verdict);

    dispatch_end(&core.session[BYSTANDER]);
    MUST(iobuf_len(out) > len && memcmp(iobuf_front(out), verdict, len) == 0);
    MUST(memchr(iobuf_front(out), '\n', iobuf_len(out)) == iobuf_front(out) + iobuf_len(out) - 1);
    iobuf_consume(out, iobuf_len(out));
}

/* Lets everything that was asked be answered, and looks at the answers in order. */
static void flush(void)
{
    const struct token *t =
        ledger.tokens > 0 ? &ledger.token[bystander_turns++ % ledger.tokens] : NULL;
    char verdict[32];

    if (asked_count == 0)
        return;
    core.said = reply.next = 0;
    bool beside = !ledger_lags && t != NULL && t->value[0] != '\0';
    if (beside) {
        snprintf(verdict, sizeof(verdict), "%s",
                 ledger_verdict(ledger_find(t->id), 0, SUBJECTS, fuzz_clock.wall));
        bystander_asks(t);
    }
    core_run(&core.session[batch_role]);
    if (beside)
        bystander_is_told(verdict);
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

static void put_scopes(struct text *line, const char *key, unsigned bits)
{
    char words[2 * SCOPE_BITS + 1] = "";

    for (unsigned i = 0; i < SCOPE_BITS; i++)
        if (bits >> i & 1)
            snprintf(words + strlen(words), 3, "%s%c", words[0] != '\0' ? "," : "",
                     (char)('a' + i));
    line_puts(line, key, words);
}

/* One that is or was there, or a stranger. */
static struct token take_token(void)
{
    struct token t = { .id = "00112233445566778899", .value = "a-value-that-nobody-ever-heard-of" };
    unsigned n = feed_byte(&feed);

    return n % (LEDGER_TOKENS + 1) < ledger.tokens ? ledger.token[n % (LEDGER_TOKENS + 1)] : t;
}

/* What create and import have in common. */
static void take_claims(struct token *t, struct text *line, int64_t delay)
{
    unsigned flags = feed_byte(&feed);
    int64_t now = fuzz_clock.wall, span;

    t->created = now;
    t->activates = delay > 0 ? now + delay : 0;
    t->expires = NEVER;
    t->subject = (flags & 3) % SUBJECTS;
    t->scopes = flags >> 2 & 7;
    if (t->subject != NOBODY)
        line_puts(line, "subject", subjects[t->subject]);
    if (t->scopes != 0)
        put_scopes(line, "scopes", t->scopes);
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

#endif
