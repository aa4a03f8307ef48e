/* SPDX-License-Identifier: Apache-2.0 */
/* What the command can do. */
#ifndef JETON_PLUGIN_CLI_HELP_H
#define JETON_PLUGIN_CLI_HELP_H

#include "plugin/cli/request.h"

/* How a verb's value gets in. */
enum cli_reads { CLI_READS_NONE, CLI_READS_IF_TOLD, CLI_READS };

/* One verb of the command. */
struct cli_way {
    enum verb verb;
    enum cli_exit (*run)(struct cli *c, const struct cli_view *view);
    const struct cli_view *view;
    enum cli_reads reads;
    bool gives_value;
    const char *summary; /* NULL: the protocol's */
    const char *note;    /* what `jeton help VERB` adds; or NULL */
};

/* All verbs, or the one that the first argument names. */
enum cli_exit cli_help(struct cli *c, const struct cli_way *ways, size_t count);

/* How to call the command, for usage errors. */
extern const char cli_help_usage[];

#endif
