/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/fleet.h"

#include "plugin/cli/message.h"
#include "plugin/cli/program.h"

enum { WORDS_MAX = 64 };

/* The agent is what jeton-fleet is without a word; the command runs no agent by mistake. */
enum cli_exit cli_fleet_become(char **words)
{
    const char *word[WORDS_MAX + 2] = { "jeton-fleet" };
    size_t count = 0;

    while (words[count] != NULL && count < WORDS_MAX) {
        word[count + 1] = words[count];
        count++;
    }
    if (count == 0)
        word[1] = "help";
    if (words[count] != NULL) {
        cli_message("these are too many words");
        return CLI_EXIT_USAGE;
    }
    return cli_program_become("jeton-fleet", FLEET_PROGRAM, word,
                              "it is in the package jeton-fleet");
}

enum cli_exit cli_fleet(struct cli_request *c, const struct cli_view *view)
{
    (void)c;
    (void)view;
    cli_message("give the options of fleet behind it: jeton fleet hosts --json");
    return CLI_EXIT_USAGE;
}
