/* SPDX-License-Identifier: Apache-2.0 */
/* What the whole daemon has to answer to each kind of request, by the ledger; and what the ledger
 * says after it.  fuzz_daemon.c includes this. */
#ifndef JETON_FUZZ_ANSWERS_H
#define JETON_FUZZ_ANSWERS_H

#include "tests/fuzz/said.h"

/* One request on its way, and what it is about. */
struct asked {
    enum role needs, role;
    void (*settle)(const struct asked *a);
    struct token token;       /* one to come, or a copy of what is named */
    unsigned given;           /* of the claims of `token`: which an update has */
    unsigned scopes, subject; /* of a question */
    bool narrow;
    int64_t grace;         /* -1: none */
    uint64_t after, limit; /* limit 0: none */
};

enum { GIVEN_SUBJECT = 1, GIVEN_SCOPES = 2, GIVEN_EXPIRES = 4, GIVEN_DESCRIPTION = 8 };

/* -- changes ------------------------------------------------------------------------------ */

/* When something is denied: never in the second 0, which says that it is not. */
static int64_t moment(void)
{
    return fuzz_clock.wall > 0 ? fuzz_clock.wall : 1;
}

/* The rest of what is said of a change; admins are told more. */
static void expect_changed(const struct asked *a, const struct token *t, const char *state)
{
    expect_text("id", t->id);
    expect_text("state", state);
    if (a->role == ROLE_ADMIN) {
        expect_time("created", t->created, true);
        expect_claims(t);
    }
    expect_no_more();
}

static void expect_kept(const struct asked *a, const struct token *t)
{
    expect_changed(a, t, ledger_state(t, fuzz_clock.wall));
}

/* A new value, which is shown this once. */
static void take_value(struct token *t)
{
    MUST(token_form(field("token"), "jtn") == TOKEN_OURS);
    ledger_value(t, field("token"));
    expect_text("token", t->value);
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
    take_value(&t);
    expect_kept(a, ledger_add(&t, "create"));
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
    expect_kept(a, ledger_add(&a->token, "import"));
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
        t->revoked_at = moment();
        ledger_note("revoke", t);
    }
    expect_kept(a, t);
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
    if (!t->disabled) {
        t->disabled = true;
        t->disabled_at = moment();
        ledger_note("disable", t);
    }
    expect_kept(a, t);
}

static void settle_enable(const struct asked *a)
{
    struct token *t = find_unrevoked(a);

    if (t == NULL)
        return;
    expect("OK");
    t->disabled = false;
    ledger_note("enable", t);
    expect_kept(a, t);
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
    after.description = a->given & GIVEN_DESCRIPTION ? a->token.description : t->description;
    if ((a->given & GIVEN_EXPIRES) && refused_for_times(&after, false))
        return;
    expect("OK");
    *t = after;
    ledger_note("update", t);
    expect_kept(a, t);
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
    memcpy(t.replaces, old->id, sizeof(t.replaces));
    expect_text("replaces", t.replaces);
    take_value(&t);
    if (grace == 0 || old->activates >= now + grace) {
        old->revoked = true;
        old->revoked_at = moment();
    } else if (old->expires > now + grace) {
        old->expires = now + grace;
    }
    expect_kept(a, ledger_add(&t, "rotate"));
}

static void settle_delete(const struct asked *a)
{
    struct token *t = find(a);

    if (t == NULL)
        return;
    expect("OK");
    expect_changed(a, t, "deleted");
    ledger_note("delete", t);
    t->there = false;
}

/* -- questions ---------------------------------------------------------------------------- */

static void settle_verify(const struct asked *a)
{
    struct token *t = ledger_find(a->token.id);
    const char *words = ledger_verdict(t, a->scopes, a->subject, fuzz_clock.wall);

    if (strcmp(words, "OK") == 0)
        ledger_use(t);
    if (a->narrow && strcmp(words, "OK") == 0 && !(t->scopes & 1))
        words = "NO scope";
    expect_judged(t, words);
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
    const struct token *t = NULL, *last = NULL;
    size_t at = reply.data_at;
    uint64_t count = 0;

    expect("OK");
    while ((t = ledger_next(t)) != NULL && (a->limit == 0 || count < a->limit)) {
        if (!is_listed(a, t))
            continue;
        MUST(count++ < reply.data);
        look_at(core_take(&at));
        expect_listed(t);
        last = t;
    }
    MUST(count == reply.data);
    while (t != NULL && !is_listed(a, t))
        t = ledger_next(t);
    look_at(reply.final);
    expect_number("count", (int64_t)count);
    expect_text("next", t != NULL ? last->id : "");
    expect_no_more();
}

static void settle_export(const struct asked *a)
{
    const struct token *t = NULL;
    size_t at = reply.data_at;

    (void)a;
    expect("OK");
    expect_number("count", reply.data);
    expect_no_more();
    for (unsigned i = 0; i < reply.data; i++) {
        t = ledger_next(t);
        MUST(t != NULL);
        look_at(core_take(&at));
        expect_exported(t);
    }
    MUST(ledger_next(t) == NULL);
}

static void settle_show(const struct asked *a)
{
    const struct token *t = find(a);
    size_t at = reply.data_at;

    if (t == NULL)
        return;
    expect("OK");
    expect_number("count", 1);
    expect_no_more();
    MUST(reply.data == 1);
    look_at(core_take(&at));
    expect_listed(t);
}

static void settle_journal(const struct asked *a)
{
    size_t at = reply.data_at;
    uint64_t serial = a->after;

    if (a->after > ledger.events) {
        expect("ERR gone");
        return;
    }
    expect("OK");
    while (serial < ledger.events && (a->limit == 0 || serial - a->after < a->limit)) {
        look_at(core_take(&at));
        expect_event(++serial);
    }
    MUST(reply.data == serial - a->after && at <= reply.next);
    look_at(reply.final);
    expect_number("count", reply.data);
    if (a->limit == 0 || serial < ledger.events)
        expect_number("next", (int64_t)serial);
    expect_no_more();
}

static void settle_ping(const struct asked *a)
{
    (void)a;
    expect("OK");
}

#endif
