/* SPDX-License-Identifier: Apache-2.0 */
/* The verb trace: all about the token behind a value, in blocks for people. */
#ifndef JETON_PLUGIN_CLI_TRACE_H
#define JETON_PLUGIN_CLI_TRACE_H

#include "plugin/cli/request.h"

enum cli_exit cli_trace(struct cli_request *c, const struct cli_view *view);

#endif
