/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model of fuzz_daemon.c: what a daemon must know after the requests so far, as a
 * plain list of tokens and of journal entries.  It shares only the digest with the daemon. */
#ifndef JETON_FUZZ_MODEL_H
#define JETON_FUZZ_MODEL_H

#include "proto/token.h"
#include "tests/fuzz/fake_clock.h"
#include "tests/fuzz/fuzz.h"

FUZZ_HARNESS_BEGINS

enum { MODEL_TOKENS = 48, MODEL_PENDING = 8, MODEL_EVENTS = 600 };
enum { NO_SUBJECT = 0, SUBJECTS = 3, SCOPE_SETS = 8, DESCRIPTIONS = 3 };

#define NEVER INT64_MAX
#define UNKNOWN_ID "00112233445566778899" /* the id of no token */

static const char *const subjects[SUBJECTS] = { "", "alice", "bob" };
static const char *const descriptions[DESCRIPTIONS] = { "", "deploy", "of \"N\xc3\xa9\" \\ b=c" };

/* Indexed by the bits of a, b and c: as requested, and as shown. */
static const char *const requested_scopes[SCOPE_SETS] = {
    "", "a", "b,b", "b,a", "c", "c,a,c", "c,b", "b,c,a",
};
static const char *const shown_scopes[SCOPE_SETS] = {
    "", "a", "b", "a,b", "c", "a,c", "b,c", "a,b,c",
};

struct token {
    char value[64]; /* "": only its digest is known */
    uint8_t digest[DIGEST_SIZE];
    char id[ID_TEXT + 1];
    bool exists;
    int64_t created, activates, expires;
    bool revoked, disabled;
    int64_t revoked_at, disabled_at;
    int64_t own_end;     /* before it was shortened; 0: it was not */
    int64_t rotated;     /* when, with a grace; 0: it was not */
    int64_t rotated_end; /* the expiry it had then; 0: it was not */
    bool has_revoked_by, has_disabled_by;
    unsigned revoked_by, disabled_by;      /* uids */
    unsigned subject, scopes, description; /* indexes */
    char replaces[ID_TEXT + 1], replaced_by[ID_TEXT + 1];
    unsigned by;                         /* uid of the creator */
    int64_t first_used, last_used;       /* times of the first and the last pass; 0: none */
    int64_t first_refused, last_refused; /* likewise, of refusals */
    unsigned refusals;
    uint64_t serial;
};

static struct {
    unsigned tokens;
    struct token token[MODEL_TOKENS + MODEL_PENDING];
    unsigned uid, pid; /* sender of the request that is checked */
    unsigned bans;
    struct model_ban {
        uint8_t digest[DIGEST_SIZE];
        int64_t until; /* 0: it is over, and removed */
    } ban[MODEL_TOKENS + MODEL_PENDING];
    bool set;        /* the clock was set: last uses may be lost */
    uint64_t events; /* serial of the newest */
    struct event {
        const char *what;
        int64_t time;
        unsigned uid, pid;
        struct token token;  /* after the event */
        struct token before; /* of an update */
    } event[MODEL_EVENTS];   /* by serial */
} model;

/* True when sending must stop; up to MODEL_PENDING requests may still be unchecked then. */
static bool model_is_full(void)
{
    return model.tokens >= MODEL_TOKENS || model.events >= MODEL_EVENTS - 64;
}

static void model_set_id(struct token *t)
{
    for (int i = 0; i < ID_SIZE; i++)
        snprintf(t->id + 2 * i, 3, "%02x", t->digest[i]);
}

/* Make a token of that value. */
static void model_set_value(struct token *t, struct slice value)
{
    MUST(value.len < sizeof(t->value));
    memcpy(t->value, value.at, value.len);
    t->value[value.len] = '\0';
    token_digest(value, t->digest);
    model_set_id(t);
}

static void model_add_event(const char *what, const struct token *t)
{
    model.events++;
    MUST(model.events < MODEL_EVENTS);
    model.event[model.events] = (struct event){
        .what = what,
        .time = fuzz_clock.wall,
        .uid = model.uid,
        .pid = model.pid,
        .token = *t,
    };
}

/* Add the event of an update, which tells what it replaced. */
static void model_add_update(const struct token *before, const struct token *t)
{
    model_add_event("update", t);
    model.event[model.events].before = *before;
}

/* Record a pass. */
static void model_mark_used(struct token *t)
{
    int64_t now = fuzz_clock.wall;

    if (t->first_used == 0 || now < t->first_used)
        t->first_used = now;
    if (now > t->last_used)
        t->last_used = now;
}

/* Forget what an export does not have.  A use is of no later than its import. */
static void model_clear_refused(struct token *t)
{
    t->first_refused = t->last_refused = 0;
    t->refusals = 0;
    if (fuzz_clock.wall < t->first_used)
        t->first_used = fuzz_clock.wall;
}

static void model_clear_used(struct token *t)
{
    t->first_used = t->last_used = 0;
    model_clear_refused(t);
}

/* Record a refusal. */
static void model_mark_refused(struct token *t)
{
    int64_t now = fuzz_clock.wall > 0 ? fuzz_clock.wall : 1;

    t->refusals++;
    if (t->first_refused == 0 || now < t->first_refused)
        t->first_refused = now;
    if (now > t->last_refused)
        t->last_refused = now;
}

static void model_set_revoked(struct token *t, int64_t at)
{
    t->revoked = t->has_revoked_by = true;
    t->revoked_at = at;
    t->revoked_by = model.uid;
}

static void model_set_disabled(struct token *t, int64_t at)
{
    t->disabled = t->has_disabled_by = true;
    t->disabled_at = at;
    t->disabled_by = model.uid;
}

/* Add a token. */
static struct token *model_add(const struct token *t, const char *what)
{
    MUST(model.tokens < MODEL_TOKENS + MODEL_PENDING);
    struct token *added = &model.token[model.tokens++];

    *added = *t;
    added->exists = true;
    added->by = model.uid;
    model_clear_used(added);
    model_add_event(what, added);
    added->serial = model.events;
    return added;
}

static struct token *model_find(const char *id)
{
    for (unsigned i = 0; i < model.tokens; i++)
        if (model.token[i].exists && strcmp(model.token[i].id, id) == 0)
            return &model.token[i];
    return NULL;
}

static int64_t model_own_end(const struct token *t)
{
    return t->own_end > t->expires ? t->own_end : t->expires;
}

/* Find a ban by the first bytes of its digest. */
static struct model_ban *model_ban(const uint8_t *digest, size_t len)
{
    for (unsigned i = 0; i < model.bans; i++)
        if (model.ban[i].until != 0 && memcmp(model.ban[i].digest, digest, len) == 0)
            return &model.ban[i];
    return NULL;
}

/* Ban what leaves the store, unless its own end is over, by a clock that is good enough. */
static void model_add_ban(const struct token *t)
{
    struct model_ban *ban = model_ban(t->digest, DIGEST_SIZE);
    int64_t until = model_own_end(t);

    if (inproc.writer.may_purge && ban_is_over(until, fuzz_clock.wall))
        return;
    if (ban == NULL) {
        MUST(model.bans < MODEL_TOKENS + MODEL_PENDING);
        ban = &model.ban[model.bans++];
        memcpy(ban->digest, t->digest, DIGEST_SIZE);
        ban->until = until;
    }
    if (until > ban->until)
        ban->until = until;
}

static const char *model_state(const struct token *t, int64_t now)
{
    return t->revoked         ? "revoked" :
           t->disabled        ? "disabled" :
           now >= t->expires  ? "expired" :
           now < t->activates ? "pending" :
                                "active";
}

/* Return the words that a verification is answered with.  `subject`: SUBJECTS if none is
 * requested. */
static const char *model_verdict(const struct token *t, unsigned scopes, unsigned subject,
                                 int64_t now)
{
    static char words[32];

    if (t == NULL)
        return "NO unknown";
    const char *state = model_state(t, now);
    if (strcmp(state, "active") != 0) {
        snprintf(words, sizeof(words), "NO %s", state);
        return words;
    }
    if (subject < SUBJECTS && (subject == NO_SUBJECT || subject != t->subject))
        return "NO subject";
    return (scopes & ~t->scopes) != 0 ? "NO scope" : "OK";
}

/* Return when retention starts. */
static int64_t model_ended(const struct token *t)
{
    return t->revoked && t->revoked_at < t->expires ? t->revoked_at : t->expires;
}

static bool model_before(const struct token *a, const struct token *b)
{
    return a->created != b->created ? a->created < b->created : a->serial < b->serial;
}

/* Return the token after this one in the order of lists; NULL: the first of all. */
static struct token *model_next(const struct token *after)
{
    struct token *next = NULL;

    for (unsigned i = 0; i < model.tokens; i++) {
        struct token *t = &model.token[i];
        if (t->exists && (after == NULL || model_before(after, t)) &&
            (next == NULL || model_before(t, next)))
            next = t;
    }
    return next;
}

FUZZ_HARNESS_ENDS

#endif
