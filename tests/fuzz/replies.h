/* SPDX-License-Identifier: Apache-2.0 */
/* Parse and check reply lines: each must have the expected words and keys, and no others.
 * Included by expectations.h. */
#ifndef JETON_FUZZ_REPLIES_H
#define JETON_FUZZ_REPLIES_H

#include "proto/stamp.h"
#include "tests/fuzz/in_process.h"
#include "tests/fuzz/model.h"

FUZZ_HARNESS_BEGINS

/* The current reply. */
static struct {
    size_t data_at, next;
    unsigned data;
    struct slice final;
} reply;

/* The current line. */
static struct {
    struct slice bytes;
    char buffer[LINE_MAX_BYTES];
    struct line line;
    size_t met; /* arguments that were expected */
} shown;

/* Parse a line; its leading words count as expected, its keys do not yet. */
static void parse_line(struct slice bytes)
{
    const char *why;

    MUST(bytes.len < LINE_MAX_BYTES);
    memcpy(shown.buffer, bytes.at, bytes.len);
    MUST(line_parse(shown.buffer, bytes.len, &shown.line, &why) == STATUS_OK);
    shown.bytes = bytes;
    shown.met = 0;
    while (shown.met < shown.line.count && shown.line.argument[shown.met].key.len == 0)
        shown.met++;
}

static void next_reply(void)
{
    reply.data_at = reply.next;
    reply.data = 0;
    while ((reply.final = inproc_next_line(&reply.next)).len > 0 && reply.final.at[0] == '*')
        reply.data++;
    parse_line(reply.final);
}

static bool line_begins(const char *words)
{
    size_t len = strlen(words);

    return slice_begins(shown.bytes, words) &&
           (shown.bytes.len == len || shown.bytes.at[len] == ' ');
}

static void expect(const char *words)
{
    if (!line_begins(words))
        fprintf(stderr, "expected %s, got %.*s\n", words, (int)shown.bytes.len, shown.bytes.at);
    MUST(line_begins(words));
}

/* -- keys --------------------------------------------------------------------------------- */

/* Return the value of a key; at == NULL: the line has none. */
static struct slice field(const char *key)
{
    return line_get(&shown.line, key);
}

/* Expect a key with this value; value.at == NULL: the line must not have the key. */
static void expect_field(const char *key, struct slice value)
{
    struct slice is = field(key);
    bool same = (is.at == NULL) == (value.at == NULL) && slice_equal(is, value);

    if (!same)
        fprintf(stderr, "expected %s=%.*s, got %.*s\n", key, (int)value.len,
                value.at != NULL ? value.at : "", (int)shown.bytes.len, shown.bytes.at);
    MUST(same);
    shown.met += value.at != NULL;
}

/* Expect a text; an empty one has no key. */
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

static void expect_time(const char *key, int64_t time, bool exists)
{
    char buffer[STAMP_TEXT];
    struct text t = text_in(buffer, sizeof(buffer));

    stamp_write(&t, time);
    expect_field(key, exists ? text_slice(&t) : (struct slice){ NULL, 0 });
}

static void expect_uid(unsigned uid)
{
    char text[24];

    snprintf(text, sizeof(text), "uid:%u", uid);
    expect_text("by", text);
}

static void expect_epoch(void)
{
    expect_text("epoch", write_queue_epoch(inproc.writer.queue));
}

static void expect_no_more(void)
{
    if (shown.met != shown.line.count)
        fprintf(stderr, "%zu keys expected, got %.*s\n", shown.met, (int)shown.bytes.len,
                shown.bytes.at);
    MUST(shown.met == shown.line.count);
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

/* Check last use, which has a resolution of a minute, and is lost in the first minute of 1970. */
static void expect_used(const struct token *t)
{
    struct slice used = field("used");
    int64_t time;

    if (used.at == NULL) {
        MUST(t->last_used < 60 || model.set);
        return;
    }
    MUST(stamp_parse(used, &time) && time >= t->first_used && time <= t->last_used);
    shown.met++;
}

/* Expect who did it, of what was done and is known. */
static void expect_by(const char *key, bool exists, unsigned uid)
{
    char text[24];

    snprintf(text, sizeof(text), "uid:%u", uid);
    expect_text(key, exists ? text : "");
}

/* Expect what lists and exports have of denials and rotations. */
static void expect_denials(const struct token *t)
{
    expect_time("revoked", t->revoked_at, t->revoked);
    expect_by("revoked_by", t->revoked && t->has_revoked_by, t->revoked_by);
    expect_time("disabled", t->disabled_at, t->disabled);
    expect_by("disabled_by", t->disabled && t->has_disabled_by, t->disabled_by);
    expect_text("replaces", t->replaces);
    expect_text("replaced_by", t->replaced_by);
}

/* Expect an old end that may be "never"; 0: none. */
static void expect_end(const char *key, int64_t end)
{
    if (end == NEVER)
        expect_text(key, "never");
    else
        expect_time(key, end, end != 0);
}

/* Check refusals: all are counted; those of a value that was rotated away, once they are taken in. */
static void expect_refusals(const struct token *t)
{
    struct slice reused = field("reused");
    uint64_t count;
    int64_t time;

    if (t->refusals > 0) {
        expect_number("refused", t->refusals);
        MUST(stamp_parse(field("last_refused"), &time) && time >= t->first_refused &&
             time <= t->last_refused);
        MUST(field("refused_as").len > 0 && slice_begins(field("refused_by"), "uid:10"));
        shown.met += 3;
    }
    if (reused.at == NULL)
        return;
    MUST(t->replaced_by[0] != '\0' && number_parse(reused, t->refusals, &count) && count > 0);
    MUST(stamp_parse(field("last_reused"), &time) && time >= t->first_refused &&
         time <= t->last_refused);
    shown.met += 2;
}

/* Check a line of list or show. */
static void expect_listed(const struct token *t)
{
    expect("*");
    expect_text("id", t->id);
    expect_text("state", model_state(t, fuzz_clock.wall));
    expect_time("created", t->created, true);
    expect_uid(t->by);
    expect_used(t);
    expect_denials(t);
    expect_refusals(t);
    expect_claims(t);
    expect_no_more();
}

static void expect_exported(const struct token *t)
{
    char buffer[2 * DIGEST_SIZE];
    struct text digest = text_in(buffer, sizeof(buffer));

    expect("* import");
    text_add_hex(&digest, t->digest, DIGEST_SIZE);
    expect_field("digest", text_slice(&digest));
    expect_time("created", t->created, true);
    expect_uid(t->by);
    expect_used(t);
    expect_denials(t);
    expect_end("own_end", t->own_end);
    expect_time("rotated", t->rotated, t->rotated != 0);
    expect_end("rotated_end", t->rotated_end);
    expect_claims(t);
    expect_no_more();
}

static void expect_old(const char *key, const char *old, const char *new)
{
    if (strcmp(old, new) != 0)
        expect_field(key, slice_of(old));
}

/* Expect the old value of what an update changed, and of nothing else. */
static void expect_before(const struct token *old, const struct token *new)
{
    if (old->expires != new->expires)
        expect_end("old_expires", old->expires);
    expect_old("old_subject", subjects[old->subject], subjects[new->subject]);
    expect_old("old_scopes", shown_scopes[old->scopes], shown_scopes[new->scopes]);
    expect_old("old_description", descriptions[old->description], descriptions[new->description]);
}

/* Check a line of the journal. */
static void expect_event(uint64_t serial)
{
    const struct event *e = &model.event[serial];
    bool rotates = strcmp(e->what, "rotate") == 0, imports = strcmp(e->what, "import") == 0;

    expect("*");
    expect_number("serial", (int64_t)serial);
    expect_time("time", e->time, true);
    expect_text("event", e->what);
    expect_text("id", e->token.id);
    expect_uid(e->uid);
    expect_number("pid", e->pid);
    expect_text("replaces", rotates || imports ? e->token.replaces : "");
    expect_time("revoked", e->token.revoked_at, imports && e->token.revoked);
    expect_time("disabled", e->token.disabled_at, imports && e->token.disabled);
    if (rotates || imports || strcmp(e->what, "create") == 0 || strcmp(e->what, "update") == 0)
        expect_claims(&e->token);
    else if (strcmp(e->what, "ban") != 0)
        expect_text("subject", subjects[e->token.subject]);
    if (strcmp(e->what, "update") == 0)
        expect_before(&e->before, &e->token);
    if (field("replaced_by").at != NULL)
        expect_text("replaced_by", e->token.replaced_by);
    if (strcmp(e->what, "ban") == 0)
        expect_time("expires", e->token.expires, e->token.expires != NEVER);
    expect_epoch();
    expect_no_more();
}

/* Check the reply to a verification of this token; NULL: of an unknown token. */
static void expect_verdict(const struct token *t, const char *words)
{
    expect(words);
    expect_text("id", t != NULL ? t->id : "");
    if (strcmp(words, "OK") != 0) {
        if (strcmp(words, "NO pending") == 0)
            expect_number("retry_after", t->activates - fuzz_clock.wall);
        shown.met += field("message").len > 0;
    } else {
        expect_time("expires", t->expires, t->expires != NEVER);
        expect_text("subject", subjects[t->subject]);
        expect_text("scopes", shown_scopes[t->scopes]);
        expect_text("verifier", "local");
    }
    expect_no_more();
}

FUZZ_HARNESS_ENDS

#endif
