/* SPDX-License-Identifier: Apache-2.0 */
/* Check the reply to each kind of request against the model, and update the model.  Included by
 * fuzz_daemon.c. */
#ifndef JETON_FUZZ_EXPECTATIONS_H
#define JETON_FUZZ_EXPECTATIONS_H

#include "tests/fuzz/replies.h"

FUZZ_HARNESS_BEGINS

/* A request that was sent, with what its reply is checked against. */
struct pending_request {
    enum role needs, role;
    void (*check)(const struct pending_request *a);
    struct token token;       /* the new token, or a copy of the one that the request names */
    unsigned updates;         /* UPDATE_*: the claims of `token` that an update changes */
    unsigned scopes, subject; /* of a verification */
    bool narrow;
    int64_t grace;         /* -1: none */
    uint64_t after, limit; /* limit 0: all */
};

enum { UPDATE_SUBJECT = 1, UPDATE_SCOPES = 2, UPDATE_EXPIRES = 4, UPDATE_DESCRIPTION = 8 };

/* -- changes ------------------------------------------------------------------------------ */

/* Return the time of a denial.  It is never second 0, which stands for "not denied". */
static int64_t denial_time(void)
{
    return fuzz_clock.wall > 0 ? fuzz_clock.wall : 1;
}

/* Check the rest of the reply to a change; admins get more keys. */
static void expect_changed(const struct pending_request *a, const struct token *t,
                           const char *state)
{
    expect_text("id", t->id);
    expect_text("state", state);
    if (a->role == ROLE_ADMIN) {
        expect_time("created", t->created, true);
        expect_claims(t);
    }
    expect_no_more();
}

static void expect_current_state(const struct pending_request *a, const struct token *t)
{
    expect_changed(a, t, model_state(t, fuzz_clock.wall));
}

/* Take over a new value, which is shown only in this reply. */
static void expect_new_value(struct token *t)
{
    MUST(token_form(field("token"), "jtn") == TOKEN_OURS);
    model_set_value(t, field("token"));
    expect_text("token", t->value);
}

#include "tests/fuzz/denials.h"

static bool expect_bad_times(const struct token *t, bool is_new)
{
    if (!(is_new && t->expires <= fuzz_clock.wall) && t->expires > t->activates)
        return false;
    expect("ERR bad-value");
    return true;
}

static void check_create(const struct pending_request *a)
{
    struct token t = a->token;

    if (expect_bad_times(&t, true))
        return;
    expect("OK");
    expect_new_value(&t);
    expect_current_state(a, model_add(&t, "create"));
}

static void check_import(const struct pending_request *a)
{
    struct token *t = model_find(a->token.id);

    if (expect_banned(a) || (t != NULL && expect_merged(a, t)))
        return;
    if (expect_bad_times(&a->token, false))
        return;
    if (t != NULL) {
        expect("ERR exists");
        return;
    }
    expect("OK");
    struct model_ban *over = model_ban(a->token.digest, DIGEST_SIZE);
    if (over != NULL)
        over->until = 0;
    expect_current_state(a, model_add(&a->token, "import"));
}

/* Find the token of a request; return NULL after checking that the reply is NO unknown. */
static struct token *find_or_unknown(const struct pending_request *a)
{
    struct token *t = model_find(a->token.id);

    if (t == NULL)
        expect("NO unknown");
    return t;
}

static void check_revoke(const struct pending_request *a)
{
    struct token *t = find_or_unknown(a);

    if (t == NULL)
        return;
    expect("OK");
    if (!t->revoked) {
        model_set_revoked(t, denial_time());
        model_add_event("revoke", t);
    }
    expect_current_state(a, t);
}

static struct token *find_unrevoked(const struct pending_request *a)
{
    struct token *t = find_or_unknown(a);

    if (t == NULL || !t->revoked)
        return t;
    expect("NO revoked");
    return NULL;
}

static void check_disable(const struct pending_request *a)
{
    struct token *t = find_unrevoked(a);

    if (t == NULL)
        return;
    expect("OK");
    if (!t->disabled) {
        model_set_disabled(t, denial_time());
        model_add_event("disable", t);
    }
    expect_current_state(a, t);
}

static void check_enable(const struct pending_request *a)
{
    struct token *t = find_unrevoked(a);

    if (t == NULL)
        return;
    expect("OK");
    if (t->disabled) {
        t->disabled = t->has_disabled_by = false;
        model_add_event("enable", t);
    }
    expect_current_state(a, t);
}

static bool is_as_before(const struct token *t, const struct token *before)
{
    return t->subject == before->subject && t->scopes == before->scopes &&
           t->description == before->description && t->expires == before->expires &&
           t->own_end == before->own_end;
}

static void check_update(const struct pending_request *a)
{
    struct token *t = find_unrevoked(a), after;

    if (t == NULL)
        return;
    after = *t;
    after.subject = a->updates & UPDATE_SUBJECT ? a->token.subject : t->subject;
    after.scopes = a->updates & UPDATE_SCOPES ? a->token.scopes : t->scopes;
    after.expires = a->updates & UPDATE_EXPIRES ? a->token.expires : t->expires;
    after.description = a->updates & UPDATE_DESCRIPTION ? a->token.description : t->description;
    if ((a->updates & UPDATE_EXPIRES) && t->expires <= fuzz_clock.wall) {
        expect("NO expired");
        return;
    }
    if ((a->updates & UPDATE_EXPIRES) && after.expires > fuzz_clock.wall && t->rotated != 0 &&
        after.expires > t->expires) {
        expect("ERR bad-value");
        return;
    }
    if ((a->updates & UPDATE_EXPIRES) && expect_bad_times(&after, true))
        return;
    expect("OK");
    if (a->updates & UPDATE_EXPIRES)
        after.own_end = after.expires < model_own_end(t) ? model_own_end(t) : 0;
    const struct token before = *t;
    *t = after;
    if (!is_as_before(t, &before))
        model_add_update(&before, t);
    expect_current_state(a, t);
}

/* Return what a rotation makes of a token, but for its value. */
static struct token replacement_of(const struct token *old, int64_t now)
{
    struct token t = *old;

    t.created = now;
    t.expires = old->rotated_end > old->expires ? old->rotated_end : old->expires;
    t.own_end = t.rotated = t.rotated_end = 0;
    t.replaced_by[0] = '\0';
    t.has_disabled_by = false;
    if (t.activates < now + INPROC_DELAY)
        t.activates = now + INPROC_DELAY;
    return t;
}

static void check_rotate(const struct pending_request *a)
{
    struct token *old = find_or_unknown(a), t;
    int64_t now = fuzz_clock.wall, grace = a->grace > 0 ? a->grace : 0;

    if (old == NULL)
        return;
    if (old->revoked || old->disabled || now >= old->expires) {
        expect(model_verdict(old, 0, SUBJECTS, now));
        return;
    }
    t = replacement_of(old, now);
    if (expect_bad_times(&t, false))
        return;
    expect("OK");
    memcpy(t.replaces, old->id, sizeof(t.replaces));
    expect_text("replaces", t.replaces);
    expect_new_value(&t);
    struct token *new = model_add(&t, "rotate");
    const struct token before = *old;
    memcpy(old->replaced_by, new->id, sizeof(old->replaced_by));
    if (grace == 0 || old->activates >= now + grace) {
        model_set_revoked(old, denial_time());
        model_add_event("revoke", old);
    } else {
        old->rotated_end = old->rotated != 0 ? old->rotated_end : old->expires;
        old->rotated = denial_time();
        if (old->expires > now + grace) {
            old->own_end = model_own_end(old);
            old->expires = now + grace;
            model_add_update(&before, old);
        }
    }
    expect_current_state(a, new);
}

static void check_delete(const struct pending_request *a)
{
    struct token *t = find_or_unknown(a);

    if (t == NULL)
        return;
    expect("OK");
    expect_changed(a, t, "deleted");
    model_add_event("delete", t);
    model_add_ban(t);
    t->exists = false;
}

/* -- verifying and reading ---------------------------------------------------------------- */

static void check_verify(const struct pending_request *a)
{
    struct token *t = model_find(a->token.id);
    const char *words = model_verdict(t, a->scopes, a->subject, fuzz_clock.wall);

    if (strcmp(words, "OK") == 0)
        model_mark_used(t);
    if (a->narrow && strcmp(words, "OK") == 0 && !(t->scopes & 1))
        words = "NO scope";
    if (t != NULL && strcmp(words, "OK") != 0)
        model_mark_refused(t);
    expect_verdict(t, words);
}

static void check_forbidden(const struct pending_request *a)
{
    (void)a;
    expect("ERR forbidden");
}

/* Check that a value that was never issued does not pass; a changed value may be one that was. */
static void check_unknown_value(const struct pending_request *a)
{
    if (model_find(a->token.id) != NULL)
        check_verify(a);
    else
        MUST(line_begins("NO unknown") || line_begins("NO malformed") ||
             line_begins("NO identifier"));
}

static bool is_listed(const struct pending_request *a, const struct token *t)
{
    return (a->subject == SUBJECTS || t->subject == a->subject) && (a->scopes & ~t->scopes) == 0;
}

static void check_list(const struct pending_request *a)
{
    const struct token *t = NULL, *last = NULL;
    size_t at = reply.data_at;
    uint64_t count = 0;

    expect("OK");
    while ((t = model_next(t)) != NULL && (a->limit == 0 || count < a->limit)) {
        if (!is_listed(a, t))
            continue;
        MUST(count++ < reply.data);
        parse_line(inproc_next_line(&at));
        expect_listed(t);
        last = t;
    }
    MUST(count == reply.data);
    while (t != NULL && !is_listed(a, t))
        t = model_next(t);
    parse_line(reply.final);
    expect_number("count", (int64_t)count);
    expect_text("next", t != NULL ? last->id : "");
    expect_no_more();
}

static void check_export(const struct pending_request *a)
{
    const struct token *t = NULL;
    size_t at = reply.data_at;

    (void)a;
    expect("OK");
    expect_number("count", reply.data);
    expect_epoch();
    expect_checksum();
    expect_no_more();
    unsigned i = 0;
    for (; model_next(t) != NULL && i < reply.data; i++) {
        t = model_next(t);
        parse_line(inproc_next_line(&at));
        expect_exported(t);
    }
    MUST(model_next(t) == NULL);
    for (; i < reply.data; i++) {
        uint8_t digest[DIGEST_SIZE];
        parse_line(inproc_next_line(&at));
        expect("* ban");
        MUST(hex_parse(field("digest"), digest, DIGEST_SIZE));
        const struct model_ban *ban = model_ban(digest, DIGEST_SIZE);
        MUST(ban != NULL);
        expect_time("expires", ban->until, ban->until != NEVER);
    }
}

static void check_show(const struct pending_request *a)
{
    const struct token *t = find_or_unknown(a);
    size_t at = reply.data_at;

    if (t == NULL)
        return;
    expect("OK");
    expect_number("count", 1);
    expect_no_more();
    MUST(reply.data == 1);
    parse_line(inproc_next_line(&at));
    expect_listed(t);
}

static void check_journal(const struct pending_request *a)
{
    size_t at = reply.data_at;
    uint64_t serial = a->after;

    if (a->after > model.events) {
        expect("ERR gone");
        return;
    }
    expect("OK");
    while (serial < model.events && (a->limit == 0 || serial - a->after < a->limit)) {
        parse_line(inproc_next_line(&at));
        expect_event(++serial);
    }
    MUST(reply.data == serial - a->after && at <= reply.next);
    parse_line(reply.final);
    expect_number("count", reply.data);
    expect_epoch();
    if (a->limit == 0 || serial < model.events)
        expect_number("next", (int64_t)serial);
    expect_no_more();
}

static void check_ping(const struct pending_request *a)
{
    (void)a;
    expect("OK");
}

FUZZ_HARNESS_ENDS

#endif
