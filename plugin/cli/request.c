/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/request.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "plugin/cli/advice.h"
#include "plugin/cli/key.h"
#include "plugin/cli/prompt.h"

static void put_argument(struct cli_buffer *b, const char *argument);
static enum cli_exit put_value(struct cli_request *c);

void cli_request_free(struct cli_request *c)
{
    cli_connection_close(&c->connection);
    cli_output_free(&c->output);
    cli_buffer_free(&c->line);
    for (size_t i = 0; i < c->kept_count; i++)
        free(c->kept[i]);
    free(c->kept);
}

/* -- requests --------------------------------------------------------------------------------- */

size_t cli_request_key_length(const char *argument)
{
    return cli_key_length(argument);
}

const char *cli_request_argument(const struct cli_request *c, const char *key)
{
    for (size_t i = 0; i < c->arguments; i++) {
        const char *argument = c->argument[i];
        size_t len = cli_request_key_length(argument);
        if (len > 0 && slice_is((struct slice){ argument, len }, key))
            return argument + len + 1;
    }
    return NULL;
}

const char *cli_request_keep(struct cli_request *c, char *made)
{
    char **kept = reallocarray(c->kept, c->kept_count + 1, sizeof(*kept));

    if (kept == NULL)
        exit(CLI_EXIT_UNAVAILABLE);
    c->kept = kept;
    c->kept[c->kept_count++] = made;
    return made;
}

enum cli_exit cli_request_build(struct cli_request *c)
{
    enum cli_exit status = CLI_EXIT_YES;

    cli_buffer_clear(&c->line);
    cli_buffer_adds(&c->line, verb_row(c->verb)->name);
    for (size_t i = 0; i < c->arguments; i++)
        put_argument(&c->line, c->argument[i]);
    if (c->read_value)
        status = put_value(c);
    return status;
}

/* Add one argument; an escaped byte takes four. */
static void put_argument(struct cli_buffer *b, const char *argument)
{
    size_t key = cli_request_key_length(argument);
    struct text t = cli_buffer_reserve(b, 4 * strlen(argument) + 8);

    text_addc(&t, ' ');
    if (key > 0)
        text_add(&t, argument, key + 1);
    line_put_word(&t, slice_of(argument + (key > 0 ? key + 1 : 0)));
    cli_buffer_commit(b, &t);
}

static enum cli_exit put_value(struct cli_request *c)
{
    char value[LINE_MAX_BYTES];
    ssize_t len = cli_prompt_read("Value (not shown): ", value, sizeof(value));

    if (len >= 0) {
        struct text t = cli_buffer_reserve(&c->line, 4 * (size_t)len + 16);
        line_put(&t, key_name(KEY_TOKEN), (struct slice){ value, (size_t)len });
        cli_buffer_commit(&c->line, &t);
    } else if (len == -ENODATA) {
        cli_message("no value: standard input is empty");
    } else {
        cli_message("cannot read the value: %s", strerror((int)-len));
    }
    sodium_memzero(value, sizeof(value));
    return len >= 0 ? CLI_EXIT_YES : CLI_EXIT_USAGE;
}

/* -- conversation ----------------------------------------------------------------------------- */

/* Return the role that the request needs.  Everybody may revoke by value, only administrators by
 * identifier. */
static enum role role_of(const struct cli_request *c)
{
    return request_role(c->verb, c->read_value ? KEY_BIT(KEY_TOKEN) : verb_row(c->verb)->keys);
}

/* Return the KEY_BITs that the arguments give. */
static uint64_t keys_of(const struct cli_request *c)
{
    uint64_t keys = c->read_value ? KEY_BIT(KEY_TOKEN) : 0;

    for (size_t i = 0; i < c->arguments; i++) {
        size_t len = cli_request_key_length(c->argument[i]);
        enum key key = len > 0 ? cli_key_named((struct slice){ c->argument[i], len }) :
                                 verb_row(c->verb)->word;
        keys |= key < KEY_COUNT ? KEY_BIT(key) : 0;
    }
    return keys;
}

enum cli_exit cli_request_connect(struct cli_request *c)
{
    const struct cli_socket_need need = { c->verb, role_of(c), keys_of(c) };

    if (c->connection.fd >= 0)
        return CLI_EXIT_YES;
    if (cli_socket_path_open(&c->connection, c->socket, &need, &c->path) != 0)
        return CLI_EXIT_UNAVAILABLE;
    if (c->verbose)
        cli_message("using %s", c->path);
    return CLI_EXIT_YES;
}

enum cli_exit cli_request_send(struct cli_request *c)
{
    static const struct slice line_end = SLICE("\n");
    enum cli_exit status = cli_request_connect(c);

    if (status == CLI_EXIT_YES) {
        cli_connection_queue(&c->connection, cli_buffer_slice(&c->line));
        cli_connection_queue(&c->connection, line_end);
    }
    c->sent = status == CLI_EXIT_YES;
    return status;
}

/* True if the verb changes something, so that it should not simply be repeated. */
static bool changes(enum verb verb)
{
    return verb_row(verb)->role == ROLE_ADMIN ? verb != VERB_EXPORT && verb != VERB_BACKUP :
                                                verb == VERB_REVOKE;
}

enum cli_exit cli_request_receive(struct cli_request *c, struct reply *reply)
{
    int error = cli_connection_next(&c->connection, reply);

    if (error == 0)
        return CLI_EXIT_YES;
    cli_message("%s: %s%s", c->path, cli_connection_strerror(error),
                c->sent && changes(c->verb) ?
                    "\nIt is not known whether the change was made: see jeton journal." :
                    "");
    return CLI_EXIT_UNAVAILABLE;
}

enum cli_exit cli_request_exit(const struct reply *reply)
{
    static const enum cli_exit exits[] = {
        [ANSWER_OK] = CLI_EXIT_YES,
        [ANSWER_NO] = CLI_EXIT_NO,
        [ANSWER_ERR] = CLI_EXIT_USAGE,
    };

    if (reply->kind == ANSWER_ERR &&
        (reply->status == STATUS_COUNT || status_row(reply->status)->http >= 500))
        return CLI_EXIT_UNAVAILABLE;
    if (reply->kind == ANSWER_NO && reply->status != STATUS_COUNT &&
        status_row(reply->status)->http == 403)
        return CLI_EXIT_FORBIDDEN;
    return exits[reply->kind];
}

/* Return where the protocol's usage of the verb begins in a message, whose end may be cut off. */
static size_t find_usage(const struct cli_request *c, struct slice message)
{
    static const char before[] = "usage: ";
    struct slice usage = slice_of(verb_row(c->verb)->usage);

    for (size_t at = sizeof(before) - 1; at < message.len; at++) {
        size_t len = message.len - at < usage.len ? message.len - at : usage.len;
        if (memcmp(message.at + at - (sizeof(before) - 1), before, sizeof(before) - 1) == 0 &&
            memcmp(message.at + at, usage.at, len) == 0)
            return at;
    }
    return message.len;
}

void cli_request_put_fields(struct cli_buffer *b, const struct line *line)
{
    bool more = false;

    for (size_t i = 0; i < line->count; i++) {
        const struct argument *a = &line->argument[i];
        if (a->key.len == 0 || slice_is(a->key, "message"))
            continue;
        cli_buffer_adds(b, more ? " " : " (");
        cli_escape_put(b, a->key, SIZE_MAX);
        cli_buffer_addc(b, '=');
        cli_escape_put(b, a->value, SIZE_MAX);
        more = true;
    }
    cli_buffer_adds(b, more ? ")" : "");
}

/* Report "reason: message (key=value …)", with line ends in the daemon's text escaped. */
enum cli_exit cli_request_finish(const struct cli_request *c, const struct reply *reply)
{
    struct slice message = line_get(&reply->line, "message");
    size_t usage = find_usage(c, message);
    struct cli_buffer b = { .at = NULL };

    if (reply->kind == ANSWER_OK)
        return CLI_EXIT_YES;
    cli_escape_put(&b, reply->word, SIZE_MAX);
    cli_buffer_adds(&b, ": ");
    cli_escape_put(&b, (struct slice){ message.at, usage }, SIZE_MAX);
    if (usage < message.len) {
        cli_buffer_adds(&b, c->usage != NULL ? "jeton " : "");
        cli_buffer_adds(&b, c->usage != NULL ? c->usage : verb_row(c->verb)->usage);
    }
    cli_request_put_fields(&b, &reply->line);
    cli_advice_put(c->verb, c->argument, c->arguments, reply->status, &b);
    cli_message("%.*s", (int)b.len, b.at);
    cli_buffer_free(&b);
    return cli_request_exit(reply);
}
