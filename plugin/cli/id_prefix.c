/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/id_prefix.h"

#include <ctype.h>
#include <unistd.h>

#include "plugin/cli/table_lookup.h"
#include "proto/token.h"

enum { SHOWN_MAX = 8, FOUND_MAX }; /* one more: there are more */

/* What is looked for, and what was found. */
struct search {
    char digits[ID_TEXT + 1];
    int found; /* -1: not looked yet */
    char id[FOUND_MAX][ID_TEXT + 1];
};

static const char **find_argument(struct cli *c, const char **text);
static enum cli_exit look_in_table(struct cli *c, struct search *s);
static enum cli_exit look_in_list(struct cli *c, struct search *s);
static enum cli_exit judge(struct cli *c, const struct search *s);

enum cli_exit cli_id_prefix_resolve(struct cli *c)
{
    const char *text;
    const char **argument = find_argument(c, &text);
    struct search s = { .found = -1 };
    size_t len = argument != NULL ? strlen(text) : 0;

    if (len == 0 || len >= ID_TEXT || strspn(text, "0123456789abcdefABCDEF") < len)
        return CLI_YES;
    if (len < CLI_TABLE_LOOKUP_MIN) {
        cli_message("%s: give at least %d digits of the identifier", text, CLI_TABLE_LOOKUP_MIN);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < len; i++)
        s.digits[i] = (char)tolower((unsigned char)text[i]);
    enum cli_exit status = look_in_table(c, &s);
    if (status == CLI_YES && s.found < 0)
        status = look_in_list(c, &s);
    cli_message_progress_end();
    if (status == CLI_YES)
        status = judge(c, &s);
    if (status == CLI_YES) {
        memcpy(c->id, s.id[0], sizeof(c->id));
        *argument = c->id;
    }
    return status;
}

/* The argument that stands for the identifier, and its value. */
static const char **find_argument(struct cli *c, const char **text)
{
    for (size_t i = 0; i < c->arguments && verb_row(c->verb)->word == KEY_ID; i++) {
        const char *argument = c->argument[i];
        size_t key = cli_key_length(argument);
        *text = argument + (key > 0 ? key + 1 : 0);
        if (key == 0 || slice_is((struct slice){ argument, key }, key_name(KEY_ID)))
            return &c->argument[i];
    }
    return NULL;
}

/* Not everybody gets one, which is no failure. */
static enum cli_exit look_in_table(struct cli *c, struct search *s)
{
    struct reply reply = { .final = false };
    enum cli_exit status = cli_connect(c);

    cli_connection_put(&c->link, slice_of("table\n"));
    while (status == CLI_YES && !reply.final)
        status = cli_receive(c, &reply);
    if (status == CLI_YES && c->link.descriptor >= 0)
        s->found = cli_columns_lookup_find(c->link.descriptor, s->digits, s->id, FOUND_MAX);
    return status;
}

static enum cli_exit look_in_list(struct cli *c, struct search *s)
{
    struct reply reply;
    enum cli_exit status;
    uint64_t looked = 0;
    uint8_t bytes[ID_SIZE];

    cli_connection_put(&c->link, slice_of("list\n"));
    s->found = 0;
    while ((status = cli_receive(c, &reply)) == CLI_YES && !reply.final) {
        struct slice id = line_get(&reply.line, "id");
        cli_message_progress("looking for %s: %llu tokens seen", s->digits,
                             (unsigned long long)++looked);
        if (!slice_begins(id, s->digits) || !token_id_parse(id, bytes))
            continue;
        memcpy(s->id[s->found++], id.at, ID_TEXT);
        if (s->found == FOUND_MAX)
            return CLI_YES;
    }
    return status == CLI_YES ? cli_conclude(&reply) : status;
}

/* -- several --------------------------------------------------------------------------------- */

/* One line about a token, as far as the daemon tells. */
static void describe(struct cli *c, const char *id, struct cli_buffer *b)
{
    struct reply reply = { .final = false };

    cli_buffer_adds(b, "\n  ");
    cli_buffer_adds(b, id);
    cli_connection_put(&c->link, slice_of("show "));
    cli_connection_put(&c->link, slice_of(id));
    cli_connection_put(&c->link, slice_of("\n"));
    while (!reply.final && cli_connection_next(&c->link, &reply) == 0) {
        if (reply.final)
            continue;
        cli_buffer_adds(b, "  ");
        size_t width = cli_escape_put(b, line_get(&reply.line, "state"), 8);
        cli_buffer_pad(b, 8 - width + 2);
        cli_escape_put(b, line_get(&reply.line, "description"), 40);
    }
}

static enum cli_exit judge(struct cli *c, const struct search *s)
{
    struct cli_buffer b = { .at = NULL };

    if (s->found == 1)
        return CLI_YES;
    if (s->found == 0) {
        cli_message("unknown: no token's identifier begins with %s", s->digits);
        return CLI_NO;
    }
    if (s->found == FOUND_MAX) /* the list is still coming */
        cli_connection_close(&c->link);
    enum cli_exit status = cli_connect(c);
    for (int i = 0; i < s->found && i < SHOWN_MAX && status == CLI_YES; i++)
        describe(c, s->id[i], &b);
    cli_buffer_adds(&b, s->found > SHOWN_MAX ? "\n  and more" : "");
    cli_message("%s is the beginning of several identifiers; give more digits:%.*s", s->digits,
                (int)b.len, b.at);
    cli_buffer_free(&b);
    return CLI_USAGE;
}
