/* SPDX-License-Identifier: Apache-2.0 */
/* The words and options of `jeton fleet`, which are jeton-fleet's, for completion. */
#ifndef JETON_PLUGIN_CLI_FLEET_WORDS_H
#define JETON_PLUGIN_CLI_FLEET_WORDS_H

#include "plugin/cli/buffer.h"

struct cli_fleet_word;
struct cli_fleet_option;

/* What stands behind `jeton fleet`, as far as it was read.  All zero: nothing. */
struct cli_fleet_words {
    const struct cli_fleet_word *word;      /* or NULL */
    const struct cli_fleet_option *pending; /* the next word is its argument; or NULL */
};

/* Take the next word before the cursor. */
void cli_fleet_words_take(struct cli_fleet_words *f, const char *text);

/* Add the candidates for `current`, the word under the cursor, to `out` (see offer.h).  An option with an
 * argument that is no path ends with '='. */
void cli_fleet_words_offer(const struct cli_fleet_words *f, struct cli_buffer *out,
                           struct slice current);

#endif
