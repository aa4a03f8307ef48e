/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/request.h"

#include <errno.h>
#include <sodium.h>

#include "plugin/cli/prompt.h"

static void put_argument(struct cli_buffer *b, const char *argument);
static enum cli_exit put_value(struct cli *c);

void cli_free(struct cli *c)
{
    cli_connection_close(&c->link);
    cli_output_free(&c->output);
    cli_buffer_free(&c->request);
}

/* -- requests -------------------------------------------------------------------------------- */

/* As the protocol has it: what it would not take for a key is a word. */
size_t cli_key_length(const char *argument)
{
    size_t len = strspn(argument, "abcdefghijklmnopqrstuvwxyz_");

    return argument[len] == '=' && argument[0] != '_' && len <= LINE_KEY_MAX ? len : 0;
}

const char *cli_argument(const struct cli *c, const char *key)
{
    for (size_t i = 0; i < c->arguments; i++) {
        const char *argument = c->argument[i];
        size_t len = cli_key_length(argument);
        if (len > 0 && slice_is((struct slice){ argument, len }, key))
            return argument + len + 1;
    }
    return NULL;
}

enum cli_exit cli_prepare(struct cli *c)
{
    enum cli_exit status = CLI_YES;

    cli_buffer_clear(&c->request);
    cli_buffer_adds(&c->request, verb_row(c->verb)->name);
    for (size_t i = 0; i < c->arguments; i++)
        put_argument(&c->request, c->argument[i]);
    if (c->reads_value)
        status = put_value(c);
    return status;
}

/* Escaped, a byte is four at most. */
static void put_argument(struct cli_buffer *b, const char *argument)
{
    size_t key = cli_key_length(argument);
    struct text t = cli_buffer_reserve(b, 4 * strlen(argument) + 8);

    text_addc(&t, ' ');
    if (key > 0)
        text_add(&t, argument, key + 1);
    line_put_word(&t, slice_of(argument + (key > 0 ? key + 1 : 0)));
    cli_buffer_commit(b, &t);
}

static enum cli_exit put_value(struct cli *c)
{
    char value[LINE_MAX_BYTES];
    ssize_t len = cli_prompt_read("Value (not shown): ", value, sizeof(value));

    if (len >= 0) {
        struct text t = cli_buffer_reserve(&c->request, 4 * (size_t)len + 16);
        line_put(&t, key_name(KEY_TOKEN), (struct slice){ value, (size_t)len });
        cli_buffer_commit(&c->request, &t);
    } else if (len == -ENODATA) {
        cli_message("no value came on standard input");
    } else {
        cli_message("cannot read the value: %s", strerror((int)-len));
    }
    sodium_memzero(value, sizeof(value));
    return len >= 0 ? CLI_YES : CLI_USAGE;
}

/* -- dialogue -------------------------------------------------------------------------------- */

/* Revoking what one holds is granted to everybody; by its identifier, to administrators. */
static enum role role_of(const struct cli *c)
{
    return request_role(c->verb, c->reads_value ? KEY_BIT(KEY_TOKEN) : verb_row(c->verb)->keys);
}

enum cli_exit cli_connect(struct cli *c)
{
    if (c->link.fd >= 0)
        return CLI_YES;
    return cli_socket_path_open(&c->link, c->socket, role_of(c), &c->path) == 0 ? CLI_YES :
                                                                                  CLI_UNAVAILABLE;
}

enum cli_exit cli_ask(struct cli *c)
{
    static const struct slice line_end = SLICE("\n");
    enum cli_exit status = cli_connect(c);

    if (status == CLI_YES) {
        cli_connection_put(&c->link, cli_buffer_slice(&c->request));
        cli_connection_put(&c->link, line_end);
    }
    c->asked = status == CLI_YES;
    return status;
}

/* Verbs that only look may simply be repeated. */
static bool changes(enum verb verb)
{
    return verb_row(verb)->role == ROLE_ADMIN ? verb != VERB_EXPORT : verb == VERB_REVOKE;
}

enum cli_exit cli_receive(struct cli *c, struct reply *reply)
{
    int error = cli_connection_next(&c->link, reply);

    if (error == 0)
        return CLI_YES;
    cli_message("%s: %s%s", c->path, cli_connection_why(error),
                c->asked && changes(c->verb) ?
                    "\nWhether the change was made is not known: jeton journal shows what was." :
                    "");
    return CLI_UNAVAILABLE;
}

enum cli_exit cli_exit_of(const struct reply *reply)
{
    static const enum cli_exit exits[] = {
        [ANSWER_OK] = CLI_YES,
        [ANSWER_NO] = CLI_NO,
        [ANSWER_ERR] = CLI_USAGE,
    };

    if (reply->kind == ANSWER_ERR &&
        (reply->status == STATUS_COUNT || status_row(reply->status)->http >= 500))
        return CLI_UNAVAILABLE;
    return exits[reply->kind];
}

/* "reason: message (key=value …)", in which a line end of the daemon's is none of ours. */
enum cli_exit cli_conclude(const struct reply *reply)
{
    struct cli_buffer b = { .at = NULL };
    bool more = false;

    if (reply->kind == ANSWER_OK)
        return CLI_YES;
    cli_escape_put(&b, reply->word, SIZE_MAX);
    cli_buffer_adds(&b, ": ");
    cli_escape_put(&b, line_get(&reply->line, "message"), SIZE_MAX);
    for (size_t i = 0; i < reply->line.count; i++) {
        const struct argument *a = &reply->line.argument[i];
        if (a->key.len == 0 || slice_is(a->key, "message"))
            continue;
        cli_buffer_adds(&b, more ? " " : " (");
        cli_escape_put(&b, a->key, SIZE_MAX);
        cli_buffer_addc(&b, '=');
        cli_escape_put(&b, a->value, SIZE_MAX);
        more = true;
    }
    cli_buffer_adds(&b, more ? ")" : "");
    cli_message("%.*s", (int)b.len, b.at);
    cli_buffer_free(&b);
    return cli_exit_of(reply);
}
