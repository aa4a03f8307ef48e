/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon should know after what it was told: the plain list of tokens and of journal entries
 * that the harness of the whole daemon compares with.  It shares no code with the daemon but the
 * digest. */
#ifndef JETON_FUZZ_LEDGER_H
#define JETON_FUZZ_LEDGER_H

#include "proto/token.h"
#include "tests/fuzz/clock.h"
#include "tests/fuzz/fuzz.h"

enum { LEDGER_TOKENS = 48, LEDGER_PENDING = 8, LEDGER_EVENTS = 600 };
enum { NOBODY = 0, SUBJECTS = 3, SCOPE_SETS = 8, DESCRIPTIONS = 3 };

#define NEVER INT64_MAX
#define STRANGER "00112233445566778899" /* the id of no token */

static const char *const subjects[SUBJECTS] = { "", "alice", "bob" };
static const char *const descriptions[DESCRIPTIONS] = { "", "deploy", "of \"N\xc3\xa9\" \\ b=c" };

/* By the bits of a, b and c: as they are asked for, and as they are to be shown. */
static const char *const asked_scopes[SCOPE_SETS] = {
    "", "a", "b,b", "b,a", "c", "c,a,c", "c,b", "b,c,a",
};
static const char *const shown_scopes[SCOPE_SETS] = {
    "", "a", "b", "a,b", "c", "a,c", "b,c", "a,b,c",
};

struct token {
    char value[64]; /* "": only its digest is known */
    uint8_t digest[DIGEST_SIZE];
    char id[ID_TEXT + 1];
    bool there;
    int64_t created, activates, expires;
    bool revoked, disabled;
    int64_t revoked_at, disabled_at;
    unsigned subject, scopes, description; /* which of them */
    char replaces[ID_TEXT + 1];
    unsigned by;                /* whose uid */
    int64_t used_from, used_to; /* when it passed first and last; 0: it did not */
    uint64_t serial;
};

static struct {
    unsigned tokens;
    struct token token[LEDGER_TOKENS + LEDGER_PENDING];
    unsigned uid, pid; /* who asks for what is settled now */
    bool set;          /* the clock was: times of last use may be lost */
    uint64_t events;   /* the newest serial */
    struct event {
        const char *what;
        int64_t time;
        unsigned uid, pid;
        struct token token; /* after it */
    } event[LEDGER_EVENTS]; /* by serial */
} ledger;

/* What is asked then is too much; up to LEDGER_PENDING are asked already, and not noted yet. */
static bool ledger_is_full(void)
{
    return ledger.tokens >= LEDGER_TOKENS || ledger.events >= LEDGER_EVENTS - 64;
}

static void ledger_name(struct token *t)
{
    for (int i = 0; i < ID_SIZE; i++)
        snprintf(t->id + 2 * i, 3, "%02x", t->digest[i]);
}

/* A token with that value, which was not there before. */
static void ledger_value(struct token *t, struct slice value)
{
    MUST(value.len < sizeof(t->value));
    memcpy(t->value, value.at, value.len);
    t->value[value.len] = '\0';
    token_digest(value, t->digest);
    ledger_name(t);
}

static void ledger_note(const char *what, const struct token *t)
{
    ledger.events++;
    MUST(ledger.events < LEDGER_EVENTS);
    ledger.event[ledger.events] = (struct event){
        .what = what,
        .time = fuzz_clock.wall,
        .uid = ledger.uid,
        .pid = ledger.pid,
        .token = *t,
    };
}

/* It passed now. */
static void ledger_use(struct token *t)
{
    int64_t now = fuzz_clock.wall;

    if (t->used_from == 0 || now < t->used_from)
        t->used_from = now;
    if (now > t->used_to)
        t->used_to = now;
}

static void ledger_forget_use(struct token *t)
{
    t->used_from = t->used_to = 0;
}

/* It is here from now on. */
static struct token *ledger_add(const struct token *t, const char *what)
{
    MUST(ledger.tokens < LEDGER_TOKENS + LEDGER_PENDING);
    struct token *added = &ledger.token[ledger.tokens++];

    *added = *t;
    added->there = true;
    added->by = ledger.uid;
    ledger_forget_use(added);
    ledger_note(what, added);
    added->serial = ledger.events;
    return added;
}

static struct token *ledger_find(const char *id)
{
    for (unsigned i = 0; i < ledger.tokens; i++)
        if (ledger.token[i].there && strcmp(ledger.token[i].id, id) == 0)
            return &ledger.token[i];
    return NULL;
}

static const char *ledger_state(const struct token *t, int64_t now)
{
    return t->revoked         ? "revoked" :
           t->disabled        ? "disabled" :
           now >= t->expires  ? "expired" :
           now < t->activates ? "pending" :
                                "active";
}

/* The words that a verification is answered with.  `subject`: SUBJECTS where none is asked for. */
static const char *ledger_verdict(const struct token *t, unsigned scopes, unsigned subject,
                                  int64_t now)
{
    static char words[32];

    if (t == NULL)
        return "NO unknown";
    const char *state = ledger_state(t, now);
    if (strcmp(state, "active") != 0) {
        snprintf(words, sizeof(words), "NO %s", state);
        return words;
    }
    if (subject < SUBJECTS && (subject == NOBODY || subject != t->subject))
        return "NO subject";
    return (scopes & ~t->scopes) != 0 ? "NO scope" : "OK";
}

/* From when on retention counts. */
static int64_t ledger_ended(const struct token *t)
{
    return t->revoked && t->revoked_at < t->expires ? t->revoked_at : t->expires;
}

static bool ledger_before(const struct token *a, const struct token *b)
{
    return a->created != b->created ? a->created < b->created : a->serial < b->serial;
}

/* The first token after this one (NULL: of all) in the order of lists. */
static struct token *ledger_next(const struct token *after)
{
    struct token *next = NULL;

    for (unsigned i = 0; i < ledger.tokens; i++) {
        struct token *t = &ledger.token[i];
        if (t->there && (after == NULL || ledger_before(after, t)) &&
            (next == NULL || ledger_before(t, next)))
            next = t;
    }
    return next;
}

#endif
