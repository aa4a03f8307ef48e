/* SPDX-License-Identifier: Apache-2.0 */
/* A pager for long lists on a terminal, as git has: $JETON_PAGER, else $PAGER, else less.  There is
 * one, as there is one standard output.
 *
 * Only what is listed goes there.  A token's value never does: pagers keep histories, and can write
 * what they show to files. */
#ifndef JETON_PLUGIN_CLI_PAGER_H
#define JETON_PLUGIN_CLI_PAGER_H

#include <stdbool.h>

/* Return how many lines the terminal shows, if output that has more of them goes through a pager;
 * 0: it never does. */
unsigned cli_pager_lines(void);

/* Start the pager: what is written to standard output from now on goes there.  False: there is no
 * such program. */
bool cli_pager_start(void);

/* True from then on, until the end. */
bool cli_pager_runs(void);

/* End the output for the pager and wait until the user leaves it. */
void cli_pager_end(void);

#endif
