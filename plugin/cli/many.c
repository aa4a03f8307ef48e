/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/many.h"

#include <stdio.h>
#include <unistd.h>

#include "plugin/cli/key.h"
#include "plugin/cli/show.h"

/* Return the keys of the request. */
static uint64_t keys_of(const struct cli_request *c)
{
    uint64_t keys = c->read_value ? KEY_BIT(KEY_TOKEN) : 0;

    for (size_t i = 0; i < c->arguments; i++) {
        size_t len = cli_key_length(c->argument[i]);
        enum key key = len > 0 ? cli_key_named((struct slice){ c->argument[i], len }) :
                                 verb_row(c->verb)->word;
        keys |= key < KEY_COUNT ? KEY_BIT(key) : 0;
    }
    return keys;
}

const char *cli_many_argument(enum verb verb, const char *word)
{
    return (request_filters(verb) & KEY_BIT(KEY_NEVER_USED)) != 0 &&
                   (strcmp(word, "never-used") == 0 ||
                    strcmp(word, key_name(KEY_NEVER_USED)) == 0) ?
               "never_used=yes" :
               NULL;
}

/* -- the number ------------------------------------------------------------------------------ */

/* Ask on the terminal; anything but y is no. */
static bool ask(const struct cli_request *c, uint64_t matched)
{
    char answer[16] = "";

    fprintf(stderr, "%s %llu token%s? [y/N] ", verb_row(c->verb)->name, (unsigned long long)matched,
            matched == 1 ? "" : "s");
    fflush(stderr);
    ssize_t len = read(STDIN_FILENO, answer, sizeof(answer) - 1);
    answer[len > 0 ? strcspn(answer, "\r\n") : 0] = '\0';
    return strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0 || strcmp(answer, "yes") == 0;
}

/* Let the number that match be confirmed, and add it to the request. */
static enum cli_exit confirm(struct cli_request *c, const struct reply *reply)
{
    uint64_t matched;

    if (reply->status != STATUS_COUNT_DIFFERS || line_get(&reply->line, "max").at != NULL ||
        !number_parse(line_get(&reply->line, "matched"), UINT64_MAX, &matched))
        return cli_request_finish(c, reply);
    if (!c->yes && matched == 0) {
        cli_message("no token matches");
        return CLI_EXIT_NO;
    }
    if (!c->yes && !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO))) {
        cli_message_remark("confirm with count=%llu, or however many they are with --yes",
                           (unsigned long long)matched);
        return cli_request_finish(c, reply);
    }
    if (!c->yes && !ask(c, matched)) {
        cli_message("nothing was changed");
        return CLI_EXIT_NO;
    }
    struct text t = cli_buffer_reserve(&c->line, 32);
    line_put_u64(&t, key_name(KEY_HOW_MANY), matched);
    cli_buffer_commit(&c->line, &t);
    return CLI_EXIT_YES;
}

/* Send the request, and wait for the final line. */
static enum cli_exit send(struct cli_request *c, struct reply *reply)
{
    enum cli_exit status = cli_request_send(c);

    reply->final = false;
    while (status == CLI_EXIT_YES && !reply->final)
        status = cli_request_receive(c, reply);
    return status;
}

enum cli_exit cli_many_change(struct cli_request *c, const struct cli_view *view)
{
    uint64_t keys = keys_of(c);
    struct reply reply;

    if (!request_is_about_many(c->verb, keys))
        return cli_show_object(c, view);
    if ((keys & KEY_BIT(KEY_HOW_MANY)) == 0) {
        enum cli_exit status = send(c, &reply);
        if (status == CLI_EXIT_YES)
            status = confirm(c, &reply);
        if (status != CLI_EXIT_YES)
            return status;
    }
    return cli_show_object(c, NULL);
}
