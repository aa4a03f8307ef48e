/* SPDX-License-Identifier: Apache-2.0 */
/* A candidate for completion, as a line for the shell: see complete.h. */
#ifndef JETON_PLUGIN_CLI_OFFER_H
#define JETON_PLUGIN_CLI_OFFER_H

#include "plugin/cli/buffer.h"

/* Add the line for `before`, `text` and `after` together, if that goes on with `current`, which is written
 * already.  A long description is cut. */
void cli_offer(struct cli_buffer *out, struct slice current, const char *before, struct slice text,
               const char *after, struct slice description);

#endif
