/* SPDX-License-Identifier: Apache-2.0 */
/* Run a whole daemon: requests on its sessions, passing time, restarts; and check every reply
 * against a model.
 *
 *     input = operations.  The low bits of the first byte select one, 0x60 its session; with 0x80
 *             it is sent together with the next one */
#include "tests/fuzz/requests.h"

FUZZ_HARNESS_BEGINS

enum { OPERATIONS_MAX = 200 };

#define START INT64_C(1700000000)

/* -- operations --------------------------------------------------------------------------- */

typedef void operation(enum role role, struct pending_request *a, struct text *line);

static void do_create(enum role role, struct pending_request *a, struct text *line)
{
    text_adds(line, "create");
    choose_claims(&a->token, line, INPROC_DELAY);
    *a = (struct pending_request){ .needs = ROLE_ADMIN, .check = check_create, .token = a->token };
    send_request(role, a, line);
}

static void do_import(enum role role, struct pending_request *a, struct text *line)
{
    unsigned n = consume_byte(&in);
    char value[40];

    *a = (struct pending_request){ .needs = ROLE_ADMIN, .check = check_import };
    snprintf(value, sizeof(value), "an-imported-value-with-number-%02u", n % 8);
    model_set_value(&a->token, slice_of(value));
    text_adds(line, "import");
    if (n & 8) {
        text_adds(line, " digest=");
        text_add_hex(line, a->token.digest, DIGEST_SIZE);
    } else {
        line_puts(line, "token", value);
    }
    choose_claims(&a->token, line, 0);
    if (n & 16) {
        a->token.created = choose_time();
        line_put_time(line, "created", a->token.created);
    }
    a->token.revoked = (n & 0xa0) == 0xa0 || (n & 0x60) == 0x20;
    a->token.disabled = (n & 0xc0) == 0xc0 || (n & 0x60) == 0x40;
    a->token.revoked_at = a->token.disabled_at = denial_time();
    if (n & 0x80)
        put_dates(&a->token, line);
    else if (a->token.revoked || a->token.disabled)
        put_state(role, &a->token, line);
    send_request(role, a, line);
}

static void do_revoke(enum role role, struct pending_request *a, struct text *line)
{
    a->token = choose_token();
    a->check = check_revoke;
    request_by_id(role, a, line, "revoke");
}

static void do_revoke_value(enum role role, struct pending_request *a, struct text *line)
{
    a->token = choose_token();
    a->check = check_revoke;
    text_adds(line, "revoke");
    line_puts(line, "token", a->token.value);
    send_request(role, a, line);
}

static void do_disable(enum role role, struct pending_request *a, struct text *line)
{
    a->token = choose_token();
    a->check = check_disable;
    request_by_id(role, a, line, "disable");
}

static void do_enable(enum role role, struct pending_request *a, struct text *line)
{
    a->token = choose_token();
    a->check = check_enable;
    request_by_id(role, a, line, "enable");
}

static void do_delete(enum role role, struct pending_request *a, struct text *line)
{
    a->token = choose_token();
    a->check = check_delete;
    request_by_id(role, a, line, "delete");
}

static void do_update(enum role role, struct pending_request *a, struct text *line)
{
    unsigned flags = consume_byte(&in);

    a->token = choose_token();
    a->check = check_update;
    a->needs = ROLE_ADMIN;
    a->updates = flags & 7;
    text_adds(line, "update ");
    text_adds(line, a->token.id);
    a->token.subject = (flags >> 3 & 3) % SUBJECTS;
    a->token.scopes = flags >> 5;
    a->token.description = flags % DESCRIPTIONS;
    if ((flags >> 3 & 3) == SUBJECTS) {
        a->updates |= UPDATE_DESCRIPTION;
        line_puts(line, "description", descriptions[a->token.description]);
    }
    if (a->updates & UPDATE_SUBJECT)
        line_puts(line, "subject", subjects[a->token.subject]);
    if (a->updates & UPDATE_SCOPES)
        line_puts(line, "scopes", requested_scopes[a->token.scopes]);
    if (a->updates & UPDATE_EXPIRES) {
        a->token.expires = choose_time();
        line_put_time(line, "expires", a->token.expires);
    }
    send_request(role, a, line);
}

static void do_rotate(enum role role, struct pending_request *a, struct text *line)
{
    a->token = choose_token();
    a->check = check_rotate;
    a->needs = ROLE_ADMIN;
    a->grace = consume_byte(&in) % 2 == 0 ? 0 : choose_span();
    text_addf(line, "rotate %s", a->token.id);
    if (a->grace > 0)
        text_addf(line, " grace=%llds", (long long)a->grace);
    send_request(role, a, line);
}

static void do_verify(enum role role, struct pending_request *a, struct text *line)
{
    unsigned flags = consume_byte(&in);

    a->token = choose_token();
    a->check = check_verify;
    a->narrow = (flags & 0x10) != 0;
    a->scopes = flags & 7;
    a->subject = flags & 8 ? (flags >> 5) % SUBJECTS : SUBJECTS;
    text_adds(line, "verify");
    if (a->scopes != 0)
        line_puts(line, "scope", requested_scopes[a->scopes]);
    if (a->subject < SUBJECTS)
        line_puts(line, "subject", subjects[a->subject]);
    if (a->narrow)
        line_puts(line, "service", "narrow");
    line_puts(line, "token", a->token.value);
    send_request(role, a, line);
}

/* Verify a value with one byte changed by the input, or an id. */
static void do_unknown_value(enum role role, struct pending_request *a, struct text *line)
{
    struct token t = choose_token();
    unsigned at = consume_byte(&in);
    uint8_t change = consume_byte(&in) & 0x5f;

    a->check = check_unknown_value;
    if (at & 0x80)
        memcpy(t.value, t.id, sizeof(t.id));
    else if (change != 0)
        t.value[at % strlen(t.value)] ^= (char)change;
    else
        return;
    if (t.value[0] == '\0')
        return;
    a->token = t;
    model_set_value(&a->token, slice_of(t.value));
    text_adds(line, "verify");
    line_puts(line, "token", t.value);
    send_request(role, a, line);
}

static void do_list(enum role role, struct pending_request *a, struct text *line)
{
    request_list(role, a, line, consume_byte(&in));
}

static void do_list_all(enum role role, struct pending_request *a, struct text *line)
{
    request_list(role, a, line, SUBJECTS);
}

static void do_export(enum role role, struct pending_request *a, struct text *line)
{
    a->check = check_export;
    a->needs = ROLE_ADMIN;
    text_adds(line, "export");
    send_request(role, a, line);
}

static void do_show(enum role role, struct pending_request *a, struct text *line)
{
    a->token = choose_token();
    a->check = check_show;
    a->needs = ROLE_OBSERVE;
    text_addf(line, "show %s", a->token.id);
    send_request(role, a, line);
}

static void do_journal(enum role role, struct pending_request *a, struct text *line)
{
    unsigned after = consume_byte(&in);

    (void)a;
    request_journal(role, after, consume_byte(&in) % 16, line);
}

static void do_watch_all(enum role role, struct pending_request *a, struct text *line)
{
    (void)a;
    request_journal(role, 0, 0, line);
}

static void do_table(enum role role, struct pending_request *a, struct text *line)
{
    a->check = check_ping;
    text_adds(line, "table");
    send_request(role, a, line);
    flush();
}

static void do_wait(enum role role, struct pending_request *a, struct text *line)
{
    int64_t span = choose_span();

    (void)role, (void)a, (void)line;
    flush();
    fuzz_clock.wall += span;
    fuzz_clock.uptime += span;
}

/* Set the clock; sometimes to 1970, where it starts on a machine without a battery-backed clock. */
static void do_set_clock(enum role role, struct pending_request *a, struct text *line)
{
    (void)role, (void)a, (void)line;
    flush();
    model.set = true;
    if (in.left > 0 && *in.at == 0xff) {
        consume_byte(&in);
        fuzz_clock.wall = 0;
    } else {
        fuzz_clock.wall = choose_time();
    }
}

static void do_restart(enum role role, struct pending_request *a, struct text *line)
{
    (void)role, (void)a, (void)line;
    flush();
    inproc_stop();
    inproc_start();
}

/* Check what the daemon has purged, by its journal, and remove it from the model. */
static void check_purges(const struct pending_request *a)
{
    size_t at = reply.data_at;
    char id[ID_TEXT + 1];

    (void)a;
    expect("OK");
    model.uid = getuid();
    model.pid = (unsigned)getpid();
    for (unsigned i = 0; i < reply.data; i++) {
        parse_line(inproc_next_line(&at));
        snprintf(id, sizeof(id), "%.*s", (int)field("id").len, field("id").at);
        struct token *t = model_find(id), over = { .expires = NEVER };
        if (t == NULL) {
            uint8_t digest[ID_SIZE];
            MUST(hex_parse(field("id"), digest, ID_SIZE));
            struct model_ban *ban = model_ban(digest, ID_SIZE);
            MUST(ban != NULL && ban_is_over(ban->until, fuzz_clock.wall));
            ban->until = 0;
            memcpy(over.id, id, sizeof(id));
            model_add_event("purge", &over);
            expect_event(model.events);
            continue;
        }
        MUST(model_ended(t) <= fuzz_clock.wall - INPROC_RETENTION);
        model_add_event("purge", t);
        expect_event(model.events);
        if (t->revoked || t->disabled || t->own_end != 0 || t->rotated != 0)
            model_add_ban(t);
        t->exists = false;
    }
}

static void do_tick(enum role role, struct pending_request *a, struct text *line)
{
    flush();
    inproc_tick();
    model_is_behind = true;
    a->check = check_purges;
    text_adds(line, "journal");
    line_put_u64(line, "after", model.events);
    send_request(ROLE_OBSERVE, a, line);
    flush();
    model_is_behind = false;
    (void)role;
}

static operation *const operations[] = {
    do_create,  do_import, do_revoke,  do_revoke_value, do_disable,       do_enable,
    do_delete,  do_update, do_rotate,  do_verify,       do_unknown_value, do_list,
    do_export,  do_show,   do_journal, do_table,        do_wait,          do_set_clock,
    do_restart, do_tick,   do_verify,  do_create,
};

/* -- one input ---------------------------------------------------------------------------- */

static void run_operation(operation *op, enum role role)
{
    char buffer[LINE_MAX_BYTES];
    struct text line = text_in(buffer, sizeof(buffer));
    struct pending_request a = { .grace = -1, .subject = SUBJECTS };

    op(role, &a, &line);
}

/* Import the export into a new daemon, unchanged. */
static void import_into_another(void)
{
    static char lines[sizeof(inproc.replies)];
    size_t len = inproc.shown, at = 0;
    unsigned imported = 0;

    memcpy(lines, inproc.replies, len);
    inproc_stop();
    inproc_reset_files();
    inproc_start();
    inproc.shown = 0;
    inproc_send(&inproc.session[ROLE_ADMIN], (struct slice){ lines, len });
    inproc_run(&inproc.session[ROLE_ADMIN]);
    for (; at < inproc.shown; imported++)
        MUST(slice_begins(inproc_next_line(&at), "OK id="));
    MUST(imported >= inproc.writer.bans + token_table_figures(inproc.writer.token_table).tokens);
    for (unsigned i = 0; i < model.bans; i++) /* what is over is not banned again */
        if (inproc.writer.may_purge && ban_is_over(model.ban[i].until, fuzz_clock.wall))
            model.ban[i].until = 0;
    for (unsigned i = 0; i < model.tokens; i++)
        model_clear_refused(&model.token[i]);
}

/* Compare everything with the model: in this daemon, after a restart, and, as that takes as long as
 * all the rest, for inputs of every fourth length in a new daemon. */
static void check_everything(bool in_another)
{
    run_operation(do_table, ROLE_VERIFY);
    run_operation(do_restart, ROLE_ADMIN);
    run_operation(do_list_all, ROLE_OBSERVE);
    run_operation(do_watch_all, ROLE_OBSERVE);
    run_operation(do_table, ROLE_VERIFY);
    MUST(write_queue_stats(inproc.writer.queue).journal_newest == model.events);
    MUST(journal_tokens(inproc.writer.journal) ==
         token_table_figures(inproc.writer.token_table).tokens);
    run_operation(do_export, ROLE_ADMIN);
    flush();
    if (!in_another)
        return;
    import_into_another();
    run_operation(do_export, ROLE_ADMIN);
    run_operation(do_table, ROLE_VERIFY);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    inproc_prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static const enum role roles[] = { ROLE_ADMIN, ROLE_ADMIN, ROLE_OBSERVE, ROLE_VERIFY };

    in = (struct fuzz_input){ input, len };
    memset(&model, 0, sizeof(model));
    pending_count = bystander_turns = 0;
    inproc_begin(START);
    for (int i = 0; i < OPERATIONS_MAX && in.left > 0 && !model_is_full(); i++) {
        unsigned what = consume_byte(&in);
        run_operation(operations[(what & 31) % (sizeof(operations) / sizeof(operations[0]))],
                      roles[what >> 5 & 3]);
        if (!(what & 0x80))
            flush();
    }
    flush();
    check_everything(len % 4 == 0);
    inproc_end();
    return 0;
}

FUZZ_HARNESS_ENDS
