/* SPDX-License-Identifier: Apache-2.0 */
/* Read what a daemon may send, or another program: as libjeton and as the jeton command do.
 *
 *     input = output form and view of the command, then the bytes received */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/lib/query.h"
#include "plugin/cli/connection.h"
#include "plugin/cli/output.h"
#include "plugin/lib/table_view.h"
#include "proto/token.h"

#define VALUE "fuzzed-value-that-is-long-enough-to-ask"

enum { QUERIES = 3 };

static struct question question;
static uint8_t digest[DIGEST_SIZE];
static char id[ID_TEXT + 1];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    MUST(sodium_init() >= 0);
    cli_escape_setup();
    MUST(query_read(&question, VALUE, sizeof(VALUE) - 1, NULL, NULL, NULL));
    token_digest(question.value, digest);
    claims_format_id(id, digest);
    /* An input of the corpus may contain the id of VALUE. */
    MUST(strlen(id) == ID_TEXT);
    return 0;
}

/* -- libjeton ----------------------------------------------------------------------------- */

static bool is_text(const char *text, size_t buffer)
{
    return memchr(text, '\0', buffer) != NULL;
}

/* Return one of the final lines, which are all but data lines. */
static struct slice final_line(struct slice bytes, int number)
{
    while (bytes.len > 0) {
        const char *lf = memchr(bytes.at, '\n', bytes.len);
        if (lf == NULL)
            break;
        struct slice line = { bytes.at, (size_t)(lf - bytes.at) };
        bytes = (struct slice){ lf + 1, bytes.len - line.len - 1 };
        if ((line.len == 0 || line.at[0] != '*') && number-- == 0)
            return line;
    }
    return (struct slice){ NULL, 0 };
}

static bool is_ok_line(struct slice line)
{
    while (line.len > 0 && *line.at == ' ')
        line = (struct slice){ line.at + 1, line.len - 1 };
    return slice_begins(line, "OK ") || slice_begins(line, "\"OK\" ") || slice_begins(line, "\"");
}

static void check_answer(const struct query *a, const struct jeton_claims *c, struct slice line)
{
    MUST(is_text(c->id, sizeof(c->id)) && is_text(c->verifier, sizeof(c->verifier)));
    MUST(is_text(c->subject, sizeof(c->subject)) && is_text(c->scopes, sizeof(c->scopes)));
    MUST(a->status != JETON_INVALID && a->status != JETON_WAITING);
    MUST(c->source == (a->status < JETON_UNAVAILABLE ? JETON_DAEMON : JETON_NOBODY));
    if (a->status != JETON_OK) {
        MUST(c->subject[0] == '\0' && c->verifier[0] == '\0' && c->scopes[0] == '\0' &&
             c->expires == 0);
        return;
    }
    MUST(a->received && line.at != NULL && is_ok_line(line));
    MUST(c->id[0] != '\0' && c->verifier[0] != '\0');
    MUST(strcmp(c->verifier, "local") != 0 || strcmp(c->id, id) == 0);
}

static void connect_link(struct connection *conn, struct fd_identity *identity, int fd)
{
    struct stat st;

    MUST(fstat(fd, &st) == 0);
    *identity =
        (struct fd_identity){ .held = true, .fd = fd, .device = st.st_dev, .inode = st.st_ino };
    memset(conn, 0, offsetof(struct connection, in));
    conn->identity = identity;
    conn->received_fd = -1;
}

static void read_as_library(struct slice bytes)
{
    static struct connection l;
    struct fd_identity identity;
    struct query query[QUERIES] = { 0 };
    static struct jeton_claims claims[QUERIES];
    int pair[2];

    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    connect_link(&l, &identity, pair[0]);
    for (int i = 0; i < QUERIES; i++) {
        claims[i].size = sizeof(claims[i]);
        query[i].claims = &claims[i];
        memcpy(query[i].digest, digest, DIGEST_SIZE);
        MUST(query_send(&query[i], &l, i == 1 ? "git" : "", &question, deadline_now() + 1000));
    }
    size_t sent = bytes.len < 65536 ? bytes.len : 65536;
    MUST(send(pair[1], bytes.at, sent, MSG_DONTWAIT) == (ssize_t)sent || sent == 0);
    shutdown(pair[1], SHUT_WR);
    while (connection_step(&l) == 0)
        ;
    MUST(!connection_is_open(&l) && l.count == 0);
    for (int i = 0; i < QUERIES; i++)
        check_answer(&query[i], &claims[i], final_line(bytes, i));
    close(pair[1]);
}

/* -- the command -------------------------------------------------------------------------- */

/* Check that only LF, tabs (between fields) and our own colours reach a terminal. */
static void check_shown(struct cli_output *o)
{
    const char *s = o->bytes.at;

    for (size_t i = 0; i < o->bytes.len; i++) {
        unsigned char c = (unsigned char)s[i];
        MUST(c >= 0x20 || c == '\n' || (c == '\t' && o->form == CLI_OUTPUT_PLAIN));
        MUST(c != 0x7f);
        MUST(c != 0xc2 || i + 1 == o->bytes.len || (unsigned char)s[i + 1] > 0x9f ||
             o->form == CLI_OUTPUT_PLAIN);
    }
}

static void check_json(struct cli_output *o)
{
    json_error_t error;
    json_t *read = json_loadb(o->bytes.at, o->bytes.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);

    MUST(read != NULL);
    json_decref(read);
}

static void show(struct cli_output *o, const struct reply *reply, const struct cli_view *view)
{
    cli_buffer_clear(&o->bytes);
    cli_output_object(o, o->form == CLI_OUTPUT_HUMAN ? NULL : view, &reply->line, reply->word);
    check_shown(o);
    if (o->form == CLI_OUTPUT_JSON)
        check_json(o);
    cli_buffer_clear(&o->bytes);
    if (!reply->final && o->form == CLI_OUTPUT_HUMAN) {
        cli_columns_begin(&o->columns, view, &o->bytes, 40, false, false);
        cli_columns_row(&o->columns, &reply->line);
        cli_columns_end(&o->columns);
        check_shown(o);
        cli_buffer_clear(&o->bytes);
    }
}

static void check_reply(const struct reply *r)
{
    if (!r->final)
        return;
    MUST(r->line.count > 0 && (r->kind == ANSWER_OK) == (r->word.len == 0));
    MUST(r->kind == ANSWER_OK || r->status <= STATUS_COUNT);
    if (r->kind != ANSWER_OK && r->status != STATUS_COUNT)
        MUST(status_row(r->status)->kind == r->kind);
}

static void read_as_command(struct slice bytes, unsigned form)
{
    static const struct cli_view *const views[] = {
        &cli_view_tokens, &cli_view_entries, &cli_view_stats,
        &cli_view_verbs,  &cli_view_verdict, &cli_view_id,
    };
    static struct cli_connection l;
    struct cli_output o = { .form = form % 3 };
    struct reply reply;

    l = (struct cli_connection){ .fd = -1, .descriptor = -1 };
    l.end = bytes.len < sizeof(l.in) ? bytes.len : sizeof(l.in);
    if (l.end > 0)
        memcpy(l.in, bytes.at, l.end);
    while (cli_connection_take(&l, &reply) > 0) {
        check_reply(&reply);
        show(&o, &reply, views[form / 3 % 6]);
    }
    cli_output_free(&o);
    cli_connection_close(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct fuzz_input in = { input, len };
    unsigned form = consume_byte(&in);
    struct slice bytes = consume_bytes(&in, in.left);

    read_as_library(bytes);
    read_as_command(bytes, form);
    return 0;
}
