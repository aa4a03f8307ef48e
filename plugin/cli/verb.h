/* SPDX-License-Identifier: Apache-2.0 */
/* A verb of the command: how it is run, how its reply is shown, and its help. */
#ifndef JETON_PLUGIN_CLI_VERB_H
#define JETON_PLUGIN_CLI_VERB_H

#include "plugin/cli/request.h"

/* Whether the command reads a token's value. */
enum cli_value {
    CLI_VALUE_NEVER,
    CLI_VALUE_OPTIONAL, /* if --value is given */
    CLI_VALUE_ALWAYS,
};

struct cli_verb {
    enum verb verb;   /* VERB_COUNT: none of the protocol's, but the command's own */
    const char *name; /* of one of the command's own, which also has a usage and a summary */
    enum cli_exit (*run)(struct cli_request *c, const struct cli_view *view);
    const struct cli_view *view; /* of its data lines or its object; NULL: not known */
    enum cli_value value;
    bool prints_value;
    const char *usage;   /* NULL: the one in the protocol's table */
    const char *summary; /* NULL: likewise */
    const char *note;    /* printed by `jeton help VERB` too; or NULL */
};

static inline const char *cli_verb_name(const struct cli_verb *verb)
{
    return verb->name != NULL ? verb->name : verb_row(verb->verb)->name;
}

#endif
