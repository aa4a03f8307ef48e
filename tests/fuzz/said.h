/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon said, line by line: what is expected in a line must be there, word for word, and
 * nothing else.  answers.h includes this. */
#ifndef JETON_FUZZ_SAID_H
#define JETON_FUZZ_SAID_H

#include "proto/stamp.h"
#include "tests/fuzz/core.h"
#include "tests/fuzz/ledger.h"

/* The reply that is being looked at. */
static struct {
    size_t data_at, next;
    unsigned data;
    struct slice final;
} reply;

/* The line that is being looked at. */
static struct {
    struct slice bytes;
    char room[LINE_MAX_BYTES];
    struct line line;
    size_t met; /* of its arguments, those that were expected */
} said;

/* The words in front are met; the keys are still to come. */
static void look_at(struct slice bytes)
{
    const char *why;

    MUST(bytes.len < LINE_MAX_BYTES);
    memcpy(said.room, bytes.at, bytes.len);
    MUST(line_parse(said.room, bytes.len, &said.line, &why) == STATUS_OK);
    said.bytes = bytes;
    said.met = 0;
    while (said.met < said.line.count && said.line.argument[said.met].key.len == 0)
        said.met++;
}

static void next_reply(void)
{
    reply.data_at = reply.next;
    reply.data = 0;
    while ((reply.final = core_take(&reply.next)).len > 0 && reply.final.at[0] == '*')
        reply.data++;
    look_at(reply.final);
}

static bool says(const char *words)
{
    size_t len = strlen(words);

    return slice_begins(said.bytes, words) && (said.bytes.len == len || said.bytes.at[len] == ' ');
}

static void expect(const char *words)
{
    if (!says(words))
        fprintf(stderr, "expected %s, got %.*s\n", words, (int)said.bytes.len, said.bytes.at);
    MUST(says(words));
}

/* -- keys --------------------------------------------------------------------------------- */

/* The value of a key; at == NULL: the line has none. */
static struct slice field(const char *key)
{
    return line_get(&said.line, key);
}

/* at == NULL: the line must not have it. */
static void expect_field(const char *key, struct slice value)
{
    struct slice is = field(key);
    bool same = (is.at == NULL) == (value.at == NULL) && slice_equal(is, value);

    if (!same)
        fprintf(stderr, "expected %s=%.*s, got %.*s\n", key, (int)value.len,
                value.at != NULL ? value.at : "", (int)said.bytes.len, said.bytes.at);
    MUST(same);
    said.met += value.at != NULL;
}

/* The empty text is not shown. */
static void expect_text(const char *key, const char *text)
{
    expect_field(key, text[0] != '\0' ? slice_of(text) : (struct slice){ NULL, 0 });
}

static void expect_number(const char *key, int64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)number);
    expect_text(key, text);
}

static void expect_time(const char *key, int64_t time, bool there)
{
    char room[STAMP_TEXT];
    struct text t = text_in(room, sizeof(room));

    stamp_write(&t, time);
    expect_field(key, there ? text_slice(&t) : (struct slice){ NULL, 0 });
}

static void expect_uid(unsigned uid)
{
    char text[24];

    snprintf(text, sizeof(text), "uid:%u", uid);
    expect_text("by", text);
}

static void expect_no_more(void)
{
    if (said.met != said.line.count)
        fprintf(stderr, "%zu keys expected, got %.*s\n", said.met, (int)said.bytes.len,
                said.bytes.at);
    MUST(said.met == said.line.count);
}

/* -- tokens ------------------------------------------------------------------------------- */

static void expect_claims(const struct token *t)
{
    expect_time("activates", t->activates, t->activates != 0);
    expect_time("expires", t->expires, t->expires != NEVER);
    expect_text("subject", subjects[t->subject]);
    expect_text("scopes", shown_scopes[t->scopes]);
    expect_text("description", descriptions[t->description]);
}

/* Uses are known to the minute, those of the first minute of 1970 not at all. */
static void expect_used(const struct token *t)
{
    struct slice used = field("used");
    int64_t time;

    if (used.at == NULL) {
        MUST(t->used_to < 60 || ledger.set);
        return;
    }
    MUST(stamp_parse(used, &time) && time >= t->used_from && time <= t->used_to);
    said.met++;
}

/* A line of list or show. */
static void expect_listed(const struct token *t)
{
    expect("*");
    expect_text("id", t->id);
    expect_text("state", ledger_state(t, fuzz_clock.wall));
    expect_time("created", t->created, true);
    expect_uid(t->by);
    expect_used(t);
    expect_text("replaces", t->replaces);
    expect_claims(t);
    expect_no_more();
}

static void expect_exported(const struct token *t)
{
    char room[2 * DIGEST_SIZE];
    struct text digest = text_in(room, sizeof(room));

    expect("* import");
    text_add_hex(&digest, t->digest, DIGEST_SIZE);
    expect_field("digest", text_slice(&digest));
    expect_time("created", t->created, true);
    expect_time("revoked", t->revoked_at, t->revoked);
    expect_time("disabled", t->disabled_at, t->disabled);
    expect_text("replaces", t->replaces);
    expect_claims(t);
    expect_no_more();
}

/* A line of the journal. */
static void expect_event(uint64_t serial)
{
    const struct event *e = &ledger.event[serial];
    bool rotates = strcmp(e->what, "rotate") == 0;

    expect("*");
    expect_number("serial", (int64_t)serial);
    expect_time("time", e->time, true);
    expect_text("event", e->what);
    expect_text("id", e->token.id);
    expect_uid(e->uid);
    expect_number("pid", e->pid);
    expect_text("replaces", rotates ? e->token.replaces : "");
    if (rotates || strcmp(e->what, "create") == 0 || strcmp(e->what, "import") == 0 ||
        strcmp(e->what, "update") == 0)
        expect_claims(&e->token);
    expect_no_more();
}

/* What a verification says; NULL: of a token that is not here. */
static void expect_judged(const struct token *t, const char *words)
{
    expect(words);
    expect_text("id", t != NULL ? t->id : "");
    if (strcmp(words, "OK") != 0) {
        if (strcmp(words, "NO pending") == 0)
            expect_number("retry_after", t->activates - fuzz_clock.wall);
        said.met += field("message").len > 0;
    } else {
        expect_time("expires", t->expires, t->expires != NEVER);
        expect_text("subject", subjects[t->subject]);
        expect_text("scopes", shown_scopes[t->scopes]);
        expect_text("verifier", "local");
    }
    expect_no_more();
}

#endif
