/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/show.h"

#include <signal.h>
#include <unistd.h>

static const struct slice no_reason;
/* What list shows on a terminal, and of what breaks the policy. */
static const char listed_fields[] =
    "id,state,created,expires,used,subject,group,origin,scopes,description";
static const char violated_fields[] = "id,state,expires,subject,violates,scopes,description";

static enum cli_exit hand_over(struct cli_request *c, const struct line *line);
static void put_line(struct cli_buffer *b, const struct line *line);

/* -- rows and objects ------------------------------------------------------------------------- */

/* Explain how to get the rows beyond the limit. */
static void hint_at_more(const struct cli_request *c, const struct line *line)
{
    struct slice next = line_get(line, "next");

    struct slice epoch = line_get(line, "epoch");

    if (next.at != NULL && c->output.form == CLI_OUTPUT_HUMAN)
        cli_message("there are more: continue with after=%.*s%s%.*s", (int)epoch.len, epoch.at,
                    epoch.len > 0 ? ":" : "", (int)next.len, next.at);
}

/* Choose the fields of the rows: those asked for; or else, on a terminal, those of `list` that tell most. */
static const struct cli_view *choose_view(const struct cli_request *c, const struct cli_view *view,
                                          struct cli_view *chosen)
{
    const char *asked = cli_request_argument(c, "fields"), *fields = asked;

    if (asked == NULL && (c->verb != VERB_LIST || c->output.form != CLI_OUTPUT_HUMAN))
        return view;
    if (asked == NULL)
        fields = cli_request_argument(c, key_name(KEY_POLICY)) != NULL ? violated_fields :
                                                                         listed_fields;
    *chosen = *view;
    if (!cli_field_view(slice_of(fields), chosen))
        return view;
    chosen->fleet = asked == NULL;
    chosen->noun = view->noun;
    return chosen;
}

enum cli_exit cli_show_rows(struct cli_request *c, const struct cli_view *view)
{
    struct cli_view chosen;
    struct reply reply = { .final = false };
    uint64_t rows = 0;
    enum cli_exit status = cli_request_send(c);

    view = choose_view(c, view, &chosen);
    if (status != CLI_EXIT_YES)
        return status;
    cli_output_rows(&c->output, view, false);
    while ((status = cli_request_receive(c, &reply)) == CLI_EXIT_YES && !reply.final) {
        cli_output_row(&c->output, &reply.line);
        if (!c->output.terminal && ++rows % 1000 == 0)
            cli_message_progress("%llu received", (unsigned long long)rows);
    }
    cli_message_progress_end();
    cli_output_end(&c->output, status == CLI_EXIT_YES && reply.kind != ANSWER_ERR);
    if (status != CLI_EXIT_YES)
        return status;
    if (reply.kind == ANSWER_OK && !c->output.begun && c->output.form == CLI_OUTPUT_HUMAN &&
        view->noun != NULL)
        cli_message_remark(c->arguments > 0 ? "no %s match" : "no %s", view->noun);
    hint_at_more(c, &reply.line);
    return cli_request_finish(c, &reply);
}

/* Remark that another service than the one asked for was judged by. */
static void hint_at_fallback(const struct line *line)
{
    struct slice service = line_get(line, "service"), stack = line_get(line, "stack");

    if (service.len > 0 && stack.len > 0)
        cli_message_remark("jetond has no section for service %.*s: [service %.*s] judged",
                           (int)service.len, service.at, (int)stack.len, stack.at);
}

/* Write nothing before the final line has confirmed it. */
enum cli_exit cli_show_object(struct cli_request *c, const struct cli_view *view)
{
    struct cli_buffer *made = &c->output.bytes;
    struct reply reply;
    enum cli_exit status = cli_request_send(c);

    while (status == CLI_EXIT_YES && (status = cli_request_receive(c, &reply)) == CLI_EXIT_YES &&
           !reply.final)
        if (made->len == 0)
            cli_output_object(&c->output, view, &reply.line, no_reason);
    if (status != CLI_EXIT_YES)
        return status;
    if (reply.kind != ANSWER_OK)
        cli_buffer_clear(made);
    if (reply.kind != ANSWER_ERR && made->len == 0)
        cli_output_object(&c->output, view, &reply.line, reply.word);
    cli_output_flush(&c->output);
    hint_at_fallback(&reply.line);
    return cli_request_finish(c, &reply);
}

/* -- a value ---------------------------------------------------------------------------------- */

/* Report a broken pipe, as a value that nobody received means a token that nobody can use. */
enum cli_exit cli_show_secret(struct cli_request *c, const struct cli_view *view)
{
    struct reply reply;

    signal(SIGPIPE, SIG_IGN);
    enum cli_exit status = cli_request_send(c);
    while (status == CLI_EXIT_YES && (status = cli_request_receive(c, &reply)) == CLI_EXIT_YES &&
           !reply.final)
        continue;
    if (status != CLI_EXIT_YES)
        return status;
    if (reply.kind == ANSWER_OK)
        return hand_over(c, &reply.line);
    if (reply.kind == ANSWER_NO)
        cli_output_object(&c->output, view, &reply.line, reply.word);
    return cli_request_finish(c, &reply);
}

static void put_for_people(struct cli_request *c, const struct line *line)
{
    struct cli_buffer *b = &c->output.bytes;

    cli_output_block(b, line, "token", c->output.colours);
    cli_buffer_adds(b, "\n    ");
    cli_escape_put(b, line_get(line, "token"), SIZE_MAX);
    cli_buffer_adds(
        b, "\n\nThis is the token's value.  It is shown this once only, and is not stored: "
           "copy it now.\n");
    if (line_get(line, "expires").at == NULL)
        cli_buffer_adds(b, "The token does not expire.\n");
}

/* Write the value to standard output, and the other fields to standard error. */
static void put_for_programs(struct cli_request *c, const struct line *line)
{
    struct cli_buffer fields = { .at = NULL };

    cli_escape_put_plain(&c->output.bytes, line_get(line, "token"));
    cli_buffer_addc(&c->output.bytes, '\n');
    if (!c->quiet)
        cli_output_block(&fields, line, "token", false);
    for (struct slice rest = cli_buffer_slice(&fields); rest.len > 0;) {
        ssize_t written = write(STDERR_FILENO, rest.at, rest.len);
        if (written <= 0)
            break;
        rest = (struct slice){ rest.at + written, rest.len - (size_t)written };
    }
    cli_buffer_free(&fields);
}

static enum cli_exit hand_over(struct cli_request *c, const struct line *line)
{
    struct slice id = line_get(line, "id");

    if (line_get(line, "token").len == 0) {
        cli_message("%s: the reply has no value in it", c->path);
        return CLI_EXIT_UNAVAILABLE;
    }
    if (c->output.form == CLI_OUTPUT_JSON)
        cli_output_object(&c->output, NULL, line, no_reason);
    else if (c->output.form == CLI_OUTPUT_HUMAN)
        put_for_people(c, line);
    else
        put_for_programs(c, line);
    int error = cli_output_try_flush(&c->output);
    if (error == 0)
        return CLI_EXIT_YES;
    cli_buffer_clear(&c->output.bytes);
    cli_message("cannot write the value to standard output: %s\n"
                "The value is lost and nobody can use the token; to revoke it: jeton revoke %.*s",
                strerror(-error), (int)id.len, id.at);
    return CLI_EXIT_UNAVAILABLE;
}

/* -- lines ------------------------------------------------------------------------------------ */

/* Add bytes that are not UTF-8, which a line may hold only as escapes. */
static void put_bytes(struct text *t, struct slice value)
{
    text_addc(t, '"');
    for (size_t i = 0; i < value.len; i++)
        text_addf(t, "\\x%02x", (unsigned char)value.at[i]);
    text_addc(t, '"');
}

/* Add the line's arguments, quoted anew rather than copied, so that they are quoted correctly. */
static void put_line(struct cli_buffer *b, const struct line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct argument *a = &line->argument[i];
        struct text t = cli_buffer_reserve(b, 4 * a->value.len + a->key.len + 8);
        if (i > 0)
            text_addc(&t, ' ');
        if (a->key.len > 0) {
            text_add(&t, a->key.at, a->key.len);
            text_addc(&t, '=');
        }
        if (utf8_valid(a->value))
            line_put_word(&t, a->value);
        else
            put_bytes(&t, a->value);
        cli_buffer_commit(b, &t);
    }
}

/* Write a line: escaped for a terminal, otherwise so that import can read it. */
static void put_exported(struct cli_request *c, const struct line *line)
{
    struct cli_buffer made = { .at = NULL };

    put_line(&made, line);
    if (c->output.form == CLI_OUTPUT_HUMAN)
        cli_escape_put(&c->output.bytes, cli_buffer_slice(&made), SIZE_MAX);
    else
        cli_buffer_add(&c->output.bytes, made.at, made.len);
    cli_buffer_addc(&c->output.bytes, '\n');
    cli_buffer_free(&made);
}

static enum cli_exit show_lines(struct cli_request *c)
{
    struct reply reply = { .final = false };
    uint64_t lines = 0;
    enum cli_exit status = cli_request_send(c);

    while (status == CLI_EXIT_YES && (status = cli_request_receive(c, &reply)) == CLI_EXIT_YES &&
           !reply.final) {
        cli_buffer_adds(&c->output.bytes, "* ");
        put_exported(c, &reply.line);
        if (++lines % 100 == 0)
            cli_output_flush(&c->output);
        if (!c->output.terminal && lines % 1000 == 0)
            cli_message_progress("%llu exported", (unsigned long long)lines);
    }
    cli_message_progress_end();
    if (status == CLI_EXIT_YES && reply.kind == ANSWER_OK)
        put_exported(c, &reply.line);
    cli_output_flush(&c->output);
    return status == CLI_EXIT_YES ? cli_request_finish(c, &reply) : status;
}

enum cli_exit cli_show_lines(struct cli_request *c, const struct cli_view *view)
{
    return c->output.form == CLI_OUTPUT_JSON ? cli_show_rows(c, view) : show_lines(c);
}
