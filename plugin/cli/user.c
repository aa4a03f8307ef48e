/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/user.h"

#include <pwd.h>
#include <stdio.h>

#include "plugin/cli/key.h"

/* True if it is for the daemon to judge: a uid, or what can be no name. */
static bool is_no_name(const char *value)
{
    return value[0] == '\0' || strncmp(value, "uid:", 4) == 0 ||
           value[strspn(value, "0123456789")] == '\0';
}

enum cli_exit cli_user_rewrite(struct cli_request *c)
{
    for (size_t i = 0; i < c->arguments; i++) {
        size_t len = cli_request_key_length(c->argument[i]);
        const char *value = c->argument[i] + len + 1;
        char *made;
        if (len == 0 || cli_key_named((struct slice){ c->argument[i], len }) != KEY_BY ||
            !cli_key_of_verb(c->verb, KEY_BY) || is_no_name(value))
            continue;
        const struct passwd *user = getpwnam(value);
        if (user == NULL) {
            cli_message("by=%s: this host has no user of that name", value);
            return CLI_EXIT_USAGE;
        }
        if (asprintf(&made, "by=uid:%u", (unsigned)user->pw_uid) < 0)
            return CLI_EXIT_UNAVAILABLE;
        cli_message_remark("%s is %s", c->argument[i], made + 3);
        c->argument[i] = cli_request_keep(c, made);
    }
    return CLI_EXIT_YES;
}
