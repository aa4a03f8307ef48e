/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon does not know about a request that it refused: what was probably meant. */
#ifndef JETON_PLUGIN_CLI_ADVICE_H
#define JETON_PLUGIN_CLI_ADVICE_H

#include "plugin/cli/buffer.h"
#include "proto/request.h"

/* Add a line of advice to the message about a refusal of the verb with these arguments, or nothing. */
void cli_advice_put(enum verb verb, const char *const *argument, size_t arguments,
                    enum status status, struct cli_buffer *b);

#endif
