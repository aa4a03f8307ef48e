/* SPDX-License-Identifier: Apache-2.0 */
/* The whole daemon: requests through its sessions, time, restarts, and a ledger that says what
 * every answer has to be.
 *
 *     input = operations.  The first byte's low bits are what is done; 0x60: on which session;
 *             0x80: with what comes next, in one piece */
#include "tests/fuzz/asking.h"

enum { OPERATIONS_MAX = 200 };

#define START INT64_C(1700000000)

/* -- operations --------------------------------------------------------------------------- */

typedef void operation(enum role role, struct asked *a, struct text *line);

static void do_create(enum role role, struct asked *a, struct text *line)
{
    text_adds(line, "create");
    take_claims(&a->token, line, CORE_DELAY);
    *a = (struct asked){ .needs = ROLE_ADMIN, .settle = settle_create, .token = a->token };
    ask(role, a, line);
}

static void do_import(enum role role, struct asked *a, struct text *line)
{
    unsigned n = feed_byte(&feed);
    char value[40];

    *a = (struct asked){ .needs = ROLE_ADMIN, .settle = settle_import };
    snprintf(value, sizeof(value), "an-imported-value-with-number-%02u", n % 8);
    ledger_value(&a->token, slice_of(value));
    text_adds(line, "import");
    if (n & 8) {
        text_adds(line, " digest=");
        text_add_hex(line, a->token.digest, DIGEST_SIZE);
    } else {
        line_puts(line, "token", value);
    }
    take_claims(&a->token, line, 0);
    if (n & 16) {
        a->token.created = take_time();
        line_put_time(line, "created", a->token.created);
    }
    a->token.revoked = (n & 0xa0) == 0xa0 || (n & 0x60) == 0x20;
    a->token.disabled = (n & 0xc0) == 0xc0 || (n & 0x60) == 0x40;
    a->token.revoked_at = a->token.disabled_at = moment();
    if (n & 0x80)
        put_past(&a->token, line);
    else if (a->token.revoked || a->token.disabled)
        line_puts(line, "state", a->token.revoked ? "revoked" : "disabled");
    ask(role, a, line);
}

static void do_revoke(enum role role, struct asked *a, struct text *line)
{
    a->token = take_token();
    a->settle = settle_revoke;
    ask_about(role, a, line, "revoke");
}

static void do_revoke_value(enum role role, struct asked *a, struct text *line)
{
    a->token = take_token();
    a->settle = settle_revoke;
    text_adds(line, "revoke");
    line_puts(line, "token", a->token.value);
    ask(role, a, line);
}

static void do_disable(enum role role, struct asked *a, struct text *line)
{
    a->token = take_token();
    a->settle = settle_disable;
    ask_about(role, a, line, "disable");
}

static void do_enable(enum role role, struct asked *a, struct text *line)
{
    a->token = take_token();
    a->settle = settle_enable;
    ask_about(role, a, line, "enable");
}

static void do_delete(enum role role, struct asked *a, struct text *line)
{
    a->token = take_token();
    a->settle = settle_delete;
    ask_about(role, a, line, "delete");
}

static void do_update(enum role role, struct asked *a, struct text *line)
{
    unsigned flags = feed_byte(&feed);

    a->token = take_token();
    a->settle = settle_update;
    a->needs = ROLE_ADMIN;
    a->given = flags & 7;
    text_adds(line, "update ");
    text_adds(line, a->token.id);
    a->token.subject = (flags >> 3 & 3) % SUBJECTS;
    a->token.scopes = flags >> 5;
    a->token.description = flags % DESCRIPTIONS;
    if ((flags >> 3 & 3) == SUBJECTS) {
        a->given |= GIVEN_DESCRIPTION;
        line_puts(line, "description", descriptions[a->token.description]);
    }
    if (a->given & GIVEN_SUBJECT)
        line_puts(line, "subject", subjects[a->token.subject]);
    if (a->given & GIVEN_SCOPES)
        line_puts(line, "scopes", asked_scopes[a->token.scopes]);
    if (a->given & GIVEN_EXPIRES) {
        a->token.expires = take_time();
        line_put_time(line, "expires", a->token.expires);
    }
    ask(role, a, line);
}

static void do_rotate(enum role role, struct asked *a, struct text *line)
{
    a->token = take_token();
    a->settle = settle_rotate;
    a->needs = ROLE_ADMIN;
    a->grace = feed_byte(&feed) % 2 == 0 ? 0 : take_span();
    text_addf(line, "rotate %s", a->token.id);
    if (a->grace > 0)
        text_addf(line, " grace=%llds", (long long)a->grace);
    ask(role, a, line);
}

static void do_verify(enum role role, struct asked *a, struct text *line)
{
    unsigned flags = feed_byte(&feed);

    a->token = take_token();
    a->settle = settle_verify;
    a->narrow = (flags & 0x10) != 0;
    a->scopes = flags & 7;
    a->subject = flags & 8 ? (flags >> 5) % SUBJECTS : SUBJECTS;
    text_adds(line, "verify");
    if (a->scopes != 0)
        line_puts(line, "scope", asked_scopes[a->scopes]);
    if (a->subject < SUBJECTS)
        line_puts(line, "subject", subjects[a->subject]);
    if (a->narrow)
        line_puts(line, "service", "narrow");
    line_puts(line, "token", a->token.value);
    ask(role, a, line);
}

/* A value with a byte changed, a digit of the identifier, or what the input says. */
static void do_stranger(enum role role, struct asked *a, struct text *line)
{
    struct token t = take_token();
    unsigned at = feed_byte(&feed);
    uint8_t change = feed_byte(&feed) & 0x5f;

    a->settle = settle_stranger;
    if (at & 0x80)
        memcpy(t.value, t.id, sizeof(t.id));
    else if (change != 0)
        t.value[at % strlen(t.value)] ^= (char)change;
    else
        return;
    if (t.value[0] == '\0')
        return;
    a->token = t;
    ledger_value(&a->token, slice_of(t.value));
    text_adds(line, "verify");
    line_puts(line, "token", t.value);
    ask(role, a, line);
}

static void do_list(enum role role, struct asked *a, struct text *line)
{
    ask_list(role, a, line, feed_byte(&feed));
}

static void do_list_all(enum role role, struct asked *a, struct text *line)
{
    ask_list(role, a, line, SUBJECTS);
}

static void do_export(enum role role, struct asked *a, struct text *line)
{
    a->settle = settle_export;
    a->needs = ROLE_ADMIN;
    text_adds(line, "export");
    ask(role, a, line);
}

static void do_show(enum role role, struct asked *a, struct text *line)
{
    a->token = take_token();
    a->settle = settle_show;
    a->needs = ROLE_OBSERVE;
    text_addf(line, "show %s", a->token.id);
    ask(role, a, line);
}

static void do_journal(enum role role, struct asked *a, struct text *line)
{
    unsigned after = feed_byte(&feed);

    (void)a;
    ask_journal(role, after, feed_byte(&feed) % 16, line);
}

static void do_watch_all(enum role role, struct asked *a, struct text *line)
{
    (void)a;
    ask_journal(role, 0, 0, line);
}

static void do_table(enum role role, struct asked *a, struct text *line)
{
    a->settle = settle_ping;
    text_adds(line, "table");
    ask(role, a, line);
    flush();
}

static void do_wait(enum role role, struct asked *a, struct text *line)
{
    int64_t span = take_span();

    (void)role, (void)a, (void)line;
    flush();
    fuzz_clock.wall += span;
    fuzz_clock.uptime += span;
}

/* The clock is set; or it begins with 1970, as that of a machine does that has none of its own. */
static void do_set_clock(enum role role, struct asked *a, struct text *line)
{
    (void)role, (void)a, (void)line;
    flush();
    ledger.set = true;
    if (feed.left > 0 && *feed.at == 0xff) {
        feed_byte(&feed);
        fuzz_clock.wall = 0;
    } else {
        fuzz_clock.wall = take_time();
    }
}

static void do_restart(enum role role, struct asked *a, struct text *line)
{
    (void)role, (void)a, (void)line;
    flush();
    core_stop();
    core_start();
}

/* What the daemon removes by itself, it may remove: the journal says what that is. */
static void settle_purges(const struct asked *a)
{
    size_t at = reply.data_at;
    char id[ID_TEXT + 1];

    (void)a;
    expect("OK");
    ledger.uid = getuid();
    ledger.pid = (unsigned)getpid();
    for (unsigned i = 0; i < reply.data; i++) {
        look_at(core_take(&at));
        snprintf(id, sizeof(id), "%.*s", (int)field("id").len, field("id").at);
        struct token *t = ledger_find(id);
        MUST(t != NULL && ledger_ended(t) <= fuzz_clock.wall - CORE_RETENTION);
        ledger_note("purge", t);
        expect_event(ledger.events);
        t->there = false;
    }
}

static void do_tick(enum role role, struct asked *a, struct text *line)
{
    flush();
    core_tick();
    ledger_lags = true;
    a->settle = settle_purges;
    text_adds(line, "journal");
    line_put_u64(line, "after", ledger.events);
    ask(ROLE_OBSERVE, a, line);
    flush();
    ledger_lags = false;
    (void)role;
}

static operation *const operations[] = {
    do_create,  do_import, do_revoke,  do_revoke_value, do_disable,  do_enable,
    do_delete,  do_update, do_rotate,  do_verify,       do_stranger, do_list,
    do_export,  do_show,   do_journal, do_table,        do_wait,     do_set_clock,
    do_restart, do_tick,   do_verify,  do_create,
};

/* -- one input ---------------------------------------------------------------------------- */

static void operate(operation *does, enum role role)
{
    char room[LINE_MAX_BYTES];
    struct text line = text_in(room, sizeof(room));
    struct asked a = { .grace = -1, .subject = SUBJECTS };

    does(role, &a, &line);
}

/* What was exported is sent to a daemon that knows nothing, as it is. */
static void move_to_another(void)
{
    static char lines[sizeof(core.replies)];
    size_t len = core.said, at = 0;
    unsigned imported = 0;

    memcpy(lines, core.replies, len);
    core_stop();
    core_clear();
    core_start();
    core.said = 0;
    core_put(&core.session[ROLE_ADMIN], (struct slice){ lines, len });
    core_run(&core.session[ROLE_ADMIN]);
    for (; at < core.said; imported++)
        MUST(slice_begins(core_take(&at), "OK id="));
    MUST(imported == token_table_figures(core.writer.token_table).tokens);
    for (unsigned i = 0; i < ledger.tokens; i++)
        ledger_forget_use(&ledger.token[i]);
}

/* In the end everything is as the ledger says: now, after another start, and elsewhere. */
static void check_everything(void)
{
    operate(do_export, ROLE_ADMIN);
    operate(do_table, ROLE_VERIFY);
    operate(do_restart, ROLE_ADMIN);
    operate(do_list_all, ROLE_OBSERVE);
    operate(do_watch_all, ROLE_OBSERVE);
    operate(do_table, ROLE_VERIFY);
    MUST(atomic_load(&core.writer.newest) == ledger.events);
    MUST(journal_tokens(core.writer.journal) ==
         token_table_figures(core.writer.token_table).tokens);
    operate(do_export, ROLE_ADMIN);
    flush();
    move_to_another();
    operate(do_export, ROLE_ADMIN);
    operate(do_table, ROLE_VERIFY);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    core_prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static const enum role roles[] = { ROLE_ADMIN, ROLE_ADMIN, ROLE_OBSERVE, ROLE_VERIFY };

    feed = (struct feed){ input, len };
    memset(&ledger, 0, sizeof(ledger));
    asked_count = bystander_turns = 0;
    core_begin(START);
    for (int i = 0; i < OPERATIONS_MAX && feed.left > 0 && !ledger_is_full(); i++) {
        unsigned what = feed_byte(&feed);
        operate(operations[(what & 31) % (sizeof(operations) / sizeof(operations[0]))],
                roles[what >> 5 & 3]);
        if (!(what & 0x80))
            flush();
    }
    flush();
    check_everything();
    core_end();
    return 0;
}
