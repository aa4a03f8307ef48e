/* SPDX-License-Identifier: Apache-2.0 */
/* What the whole daemon has to answer to each kind of request, by the ledger; and what the ledger
 * says after it.  fuzz_daemon.c includes this. */
#ifndef JETON_FUZZ_ANSWERS_H
#define JETON_FUZZ_ANSWERS_H

#include "proto/stamp.h"
#include "tests/fuzz/core.h"
#include "tests/fuzz/ledger.h"

/* One request on its way, and what it is about. */
struct asked {
    enum role needs;
    void (*settle)(const struct asked *a);
    struct token token;                 /* one to come, or a copy of what is named */
    unsigned given;                     /* of the claims of `token`: which an update has */
    unsigned scopes, subject;           /* of a question */
    bool narrow;
    int64_t grace;                      /* -1: none */
    uint64_t after, limit;              /* limit 0: none */
};

enum { GIVEN_SUBJECT = 1, GIVEN_SCOPES = 2, GIVEN_EXPIRES = 4 };

/* The reply that is being looked at. */
static struct {
    size_t data_at, next;
    unsigned data;
    char text[LINE_MAX_BYTES];
    struct slice final;
} reply;

/* -- replies ------------------------------------------------------------------------------ */

static void split_line(struct slice bytes, char room[LINE_MAX_BYTES], struct line *line)
{
    const char *why;

    MUST(bytes.len < LINE_MAX_BYTES);
    memcpy(room, bytes.at, bytes.len);
    MUST(line_parse(room, bytes.len, line, &why) == STATUS_OK);
}

static void next_reply(void)
{
    reply.data_at = reply.next;
    reply.data = 0;
    while ((reply.final = core_take(&reply.next)).len > 0 && reply.final.at[0] == '*')
        reply.data++;
}

static bool says(const char *words)
{
    size_t len = strlen(words);

    return slice_begins(reply.final, words) &&
           (reply.final.len == len || reply.final.at[len] == ' ');
}

static void expect(const char *words)
{
    if (!says(words))
        fprintf(stderr, "expected %s, got %.*s\n", words, (int)reply.final.len, reply.final.at);
    MUST(says(words));
}

/* The value of a key of the final line; at == NULL: it has none. */
static struct slice field(const char *key)
{
    static struct line line;

    split_line(reply.final, reply.text, &line);
    return line_get(&line, key);
}

static void expect_field(const char *key, const char *value)
{
    MUST(slice_is(field(key), value));
}

static void expect_number(const char *key, int64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)number);
    expect_field(key, text);
}

static void expect_time(const char *key, int64_t time, int64_t unless)
{
    char room[STAMP_TEXT];
    struct text t = text_in(room, sizeof(room));

    stamp_write(&t, time);
    MUST(time == unless ? field(key).at == NULL : slice_equal(field(key), text_slice(&t)));
}

static unsigned scope_bits(struct slice words)
{
    unsigned bits = 0;

    for (size_t i = 0; i < words.len; i += 2)
        bits |= 1u << (words.at[i] - 'a');
    return bits;
}

/* -- changes ------------------------------------------------------------------------------ */

static void expect_claims(const struct token *t)
{
    expect_field("id", t->id);
    expect_time("activates", t->activates, 0);
    expect_time("expires", t->expires, NEVER);
    MUST(slice_is(field("subject"), subjects[t->subject]));
    MUST(scope_bits(field("scopes")) == t->scopes);
    expect_field("state", ledger_state(t, fuzz_clock.wall));
}

static bool refused_for_times(const struct token *t, bool is_new)
{
    if (!(is_new && t->expires <= fuzz_clock.wall) && t->expires > t->activates)
        return false;
    expect("ERR bad-value");
    return true;
}

static void settle_create(const struct asked *a)
{
    struct token t = a->token;

    if (refused_for_times(&t, true))
        return;
    expect("OK");
    MUST(token_form(field("token"), "jtn") == TOKEN_OURS);
    ledger_value(&t, field("token"));
    expect_claims(ledger_add(&t, "create"));
}

static void settle_import(const struct asked *a)
{
    if (refused_for_times(&a->token, false))
        return;
    if (ledger_find(a->token.id) != NULL) {
        expect("ERR exists");
        return;
    }
    expect("OK");
    expect_claims(ledger_add(&a->token, "import"));
}

/* The token that a change is about, or NULL after the answer that it is not here. */
static struct token *find(const struct asked *a)
{
    struct token *t = ledger_find(a->token.id);

    if (t == NULL)
        expect("NO unknown");
    return t;
}

static void settle_revoke(const struct asked *a)
{
    struct token *t = find(a);

    if (t == NULL)
        return;
    expect("OK");
    if (!t->revoked) {
        t->revoked = true;
        t->revoked_at = fuzz_clock.wall;
        ledger_note("revoke", t);
    }
    expect_field("state", "revoked");
}

static struct token *find_unrevoked(const struct asked *a)
{
    struct token *t = find(a);

    if (t == NULL || !t->revoked)
        return t;
    expect("NO revoked");
    return NULL;
}

static void settle_disable(const struct asked *a)
{
    struct token *t = find_unrevoked(a);

    if (t == NULL)
        return;
    expect("OK");
    if (!t->disabled)
        ledger_note("disable", t);
    t->disabled = true;
    expect_claims(t);
}

static void settle_enable(const struct asked *a)
{
    struct token *t = find_unrevoked(a);

    if (t == NULL)
        return;
    expect("OK");
    t->disabled = false;
    ledger_note("enable", t);
    expect_claims(t);
}

static void settle_update(const struct asked *a)
{
    struct token *t = find_unrevoked(a), after;

    if (t == NULL)
        return;
    after = *t;
    after.subject = a->given & GIVEN_SUBJECT ? a->token.subject : t->subject;
    after.scopes = a->given & GIVEN_SCOPES ? a->token.scopes : t->scopes;
    after.expires = a->given & GIVEN_EXPIRES ? a->token.expires : t->expires;
    if ((a->given & GIVEN_EXPIRES) && refused_for_times(&after, false))
        return;
    expect("OK");
    *t = after;
    ledger_note("update", t);
    expect_claims(t);
}

static void settle_rotate(const struct asked *a)
{
    struct token *old = find(a), t;
    int64_t now = fuzz_clock.wall, grace = a->grace > 0 ? a->grace : 0;

    if (old == NULL)
        return;
    if (old->revoked || old->disabled || now >= old->expires) {
        expect(ledger_verdict(old, 0, SUBJECTS, now));
        return;
    }
    t = *old;
    t.created = now;
    if (t.activates < now + CORE_DELAY)
        t.activates = now + CORE_DELAY;
    if (refused_for_times(&t, false))
        return;
    expect("OK");
    expect_field("replaces", old->id);
    ledger_value(&t, field("token"));
    if (grace == 0 || old->activates >= now + grace) {
        old->revoked = true;
        old->revoked_at = now;
    } else if (old->expires > now + grace) {
        old->expires = now + grace;
    }
    expect_claims(ledger_add(&t, "rotate"));
}

static void settle_delete(const struct asked *a)
{
    struct token *t = find(a);

    if (t == NULL)
        return;
    expect("OK");
    expect_field("state", "deleted");
    ledger_note("delete", t);
    t->there = false;
}

/* -- questions ---------------------------------------------------------------------------- */

static void settle_verify(const struct asked *a)
{
    struct token *t = ledger_find(a->token.id);
    const char *words = ledger_verdict(t, a->scopes, a->subject, fuzz_clock.wall);

    if (a->narrow && strcmp(words, "OK") == 0 && !(t->scopes & 1))
        words = "NO scope";
    expect(words);
    if (t != NULL)
        expect_field("id", t->id);
    if (strcmp(words, "NO pending") == 0)
        expect_number("retry_after", t->activates - fuzz_clock.wall);
    if (strcmp(words, "OK") != 0)
        return;
    expect_field("verifier", "local");
    expect_time("expires", t->expires, NEVER);
    MUST(slice_is(field("subject"), subjects[t->subject]));
    MUST(scope_bits(field("scopes")) == t->scopes);
}

static void settle_refused(const struct asked *a)
{
    (void)a;
    expect("ERR forbidden");
}

/* No pass for a value that was never given out; but what was changed may be another that was. */
static void settle_stranger(const struct asked *a)
{
    if (ledger_find(a->token.id) != NULL)
        settle_verify(a);
    else
        MUST(says("NO unknown") || says("NO malformed") || says("NO identifier"));
}

static bool is_listed(const struct asked *a, const struct token *t)
{
    return (a->subject == SUBJECTS || t->subject == a->subject) && (a->scopes & ~t->scopes) == 0;
}

static void settle_list(const struct asked *a)
{
    struct token *t = NULL;
    size_t at = reply.data_at;
    char room[LINE_MAX_BYTES];
    struct line line;
    uint64_t count = 0;

    expect("OK");
    while ((t = ledger_next(t)) != NULL && (a->limit == 0 || count < a->limit)) {
        if (!is_listed(a, t))
            continue;
        MUST(count++ < reply.data);
        split_line(core_take(&at), room, &line);
        MUST(slice_is(line_get(&line, "id"), t->id));
        MUST(slice_is(line_get(&line, "state"), ledger_state(t, fuzz_clock.wall)));
    }
    MUST(count == reply.data);
    expect_number("count", (int64_t)count);
    while (t != NULL && !is_listed(a, t))
        t = ledger_next(t);
    MUST((t != NULL) == (field("next").at != NULL));
}

static void settle_export(const struct asked *a)
{
    struct token *t = NULL;
    size_t at = reply.data_at;

    (void)a;
    expect("OK");
    for (unsigned i = 0; i < reply.data; i++) {
        struct slice line = core_take(&at);
        t = ledger_next(t);
        MUST(t != NULL && slice_begins(line, "* import digest="));
        MUST(memcmp(line.at + sizeof("* import digest=") - 1, t->id, ID_TEXT) == 0);
        MUST((memmem(line.at, line.len, " revoked=", 9) != NULL) == t->revoked);
        MUST(t->revoked || (memmem(line.at, line.len, " disabled=", 10) != NULL) == t->disabled);
    }
    MUST(ledger_next(t) == NULL);
}

static void settle_show(const struct asked *a)
{
    if (find(a) == NULL)
        return;
    expect("OK");
    MUST(reply.data == 1);
}

static void settle_journal(const struct asked *a)
{
    size_t at = reply.data_at;
    char room[LINE_MAX_BYTES];
    struct line line;
    uint64_t serial = a->after;

    if (a->after > ledger.events) {
        expect("ERR gone");
        return;
    }
    expect("OK");
    while (serial < ledger.events && (a->limit == 0 || serial - a->after < a->limit)) {
        split_line(core_take(&at), room, &line);
        serial++;
        MUST(slice_is(line_get(&line, "event"), ledger.event[serial].what));
        MUST(slice_is(line_get(&line, "id"), ledger.event[serial].id));
    }
    MUST(reply.data == serial - a->after && at <= reply.next);
}

static void settle_ping(const struct asked *a)
{
    (void)a;
    expect("OK");
}

#endif
