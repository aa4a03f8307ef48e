/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/id_prefix.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "plugin/cli/table_lookup.h"
#include "proto/token.h"

enum { SHOWN_MAX = 8, FOUND_MAX }; /* one more than shown: there are more */

/* A search for identifiers by their first digits. */
struct search {
    char digits[ID_TEXT + 1];
    int found; /* -1: not searched yet */
    char id[FOUND_MAX][ID_TEXT + 1];
};

static enum cli_exit replace(struct cli_request *c, const char **argument, const char *id);
static const char **find_argument(struct cli_request *c, const char **text);
static enum cli_exit search_table(struct cli_request *c, struct search *s);
static enum cli_exit search_list(struct cli_request *c, struct search *s);
static enum cli_exit decide(struct cli_request *c, const struct search *s);

enum cli_exit cli_id_prefix_resolve(struct cli_request *c)
{
    const char *text;
    const char **argument = find_argument(c, &text);
    struct search s = { .found = -1 };
    size_t len = argument != NULL ? strlen(text) : 0;

    if (len == 0 || len >= ID_TEXT || strspn(text, "0123456789abcdefABCDEF") < len)
        return CLI_EXIT_YES;
    if (len < CLI_TABLE_LOOKUP_MIN) {
        cli_message("%s: give at least %d digits of the identifier", text, CLI_TABLE_LOOKUP_MIN);
        return CLI_EXIT_USAGE;
    }
    for (size_t i = 0; i < len; i++)
        s.digits[i] = (char)tolower((unsigned char)text[i]);
    enum cli_exit status = search_table(c, &s);
    if (status == CLI_EXIT_YES && s.found < 0)
        status = search_list(c, &s);
    cli_message_progress_end();
    if (status == CLI_EXIT_YES)
        status = decide(c, &s);
    return status == CLI_EXIT_YES ? replace(c, argument, s.id[0]) : status;
}

static enum cli_exit replace(struct cli_request *c, const char **argument, const char *id)
{
    bool has_key = cli_request_key_length(*argument) > 0;
    char *made;

    if (asprintf(&made, "%s%s%s", has_key ? key_name(KEY_ID) : "", has_key ? "=" : "", id) < 0)
        return CLI_EXIT_UNAVAILABLE;
    *argument = cli_request_keep(c, made);
    return CLI_EXIT_YES;
}

/* Find the argument that holds the identifier, and its value. */
static const char **find_argument(struct cli_request *c, const char **text)
{
    bool is_word = verb_row(c->verb)->word == KEY_ID;

    for (size_t i = 0; i < c->arguments && (is_word || c->verb == VERB_JOURNAL); i++) {
        const char *argument = c->argument[i];
        size_t key = cli_request_key_length(argument);
        *text = argument + (key > 0 ? key + 1 : 0);
        if ((key == 0 && is_word) || slice_is((struct slice){ argument, key }, key_name(KEY_ID)))
            return &c->argument[i];
    }
    return NULL;
}

/* Search the table.  Not every user may have it; without it, s->found stays -1. */
static enum cli_exit search_table(struct cli_request *c, struct search *s)
{
    struct reply reply = { .final = false };
    enum cli_exit status = cli_request_connect(c);

    cli_connection_queue(&c->connection, slice_of("table\n"));
    while (status == CLI_EXIT_YES && !reply.final)
        status = cli_request_receive(c, &reply);
    if (status == CLI_EXIT_YES && c->connection.descriptor >= 0)
        s->found = cli_table_lookup_find(c->connection.descriptor, s->digits, s->id, FOUND_MAX);
    return status;
}

static enum cli_exit search_list(struct cli_request *c, struct search *s)
{
    struct reply reply;
    enum cli_exit status;
    uint64_t seen = 0;
    uint8_t bytes[ID_SIZE];

    cli_connection_queue(&c->connection, slice_of("list\n"));
    s->found = 0;
    while ((status = cli_request_receive(c, &reply)) == CLI_EXIT_YES && !reply.final) {
        struct slice id = line_get(&reply.line, "id");
        cli_message_progress("searching for %s: %llu tokens so far", s->digits,
                             (unsigned long long)++seen);
        if (!slice_begins(id, s->digits) || !token_id_parse(id, bytes))
            continue;
        memcpy(s->id[s->found++], id.at, ID_TEXT);
        if (s->found == FOUND_MAX)
            return CLI_EXIT_YES;
    }
    return status == CLI_EXIT_YES ? cli_request_finish(c, &reply) : status;
}

/* -- ambiguity -------------------------------------------------------------------------------- */

/* Add a line about a token, with what this socket shows of it. */
static void describe(struct cli_request *c, const char *id, struct cli_buffer *b)
{
    struct reply reply = { .final = false };

    cli_buffer_adds(b, "\n  ");
    cli_buffer_adds(b, id);
    cli_connection_queue(&c->connection, slice_of("show "));
    cli_connection_queue(&c->connection, slice_of(id));
    cli_connection_queue(&c->connection, slice_of("\n"));
    while (!reply.final && cli_connection_next(&c->connection, &reply) == 0) {
        if (reply.final)
            continue;
        cli_buffer_adds(b, "  ");
        size_t width = cli_escape_put(b, line_get(&reply.line, "state"), 8);
        cli_buffer_pad(b, 8 - width + 2);
        cli_escape_put(b, line_get(&reply.line, "description"), 40);
    }
}

static enum cli_exit decide(struct cli_request *c, const struct search *s)
{
    const struct line unknown = {
        1, { { SLICE("message"), slice_of(status_row(STATUS_UNKNOWN)->meaning) } }
    };
    struct cli_buffer b = { .at = NULL };

    if (s->found == 1)
        return CLI_EXIT_YES;
    if (s->found == 0) {
        cli_output_object(&c->output, NULL, &unknown, slice_of(status_row(STATUS_UNKNOWN)->word));
        cli_message("unknown: no token's identifier begins with %s%s", s->digits,
                    c->verb == VERB_JOURNAL ? "; of one that was removed, give all 20 digits" : "");
        return CLI_EXIT_NO;
    }
    if (s->found == FOUND_MAX) /* the rest of the list is still to come */
        cli_connection_close(&c->connection);
    enum cli_exit status = cli_request_connect(c);
    for (int i = 0; i < s->found && i < SHOWN_MAX && status == CLI_EXIT_YES; i++)
        describe(c, s->id[i], &b);
    cli_buffer_adds(&b, s->found > SHOWN_MAX ? "\n  and more" : "");
    cli_message("several identifiers begin with %s; give more digits:%.*s", s->digits, (int)b.len,
                b.at);
    cli_buffer_free(&b);
    return CLI_EXIT_USAGE;
}
