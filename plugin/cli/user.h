/* SPDX-License-Identifier: Apache-2.0 */
/* Users by name, where the protocol has uid:N. */
#ifndef JETON_PLUGIN_CLI_USER_H
#define JETON_PLUGIN_CLI_USER_H

#include "plugin/cli/request.h"

/* Rewrite a by= that is the name of a user of this host as the protocol has it, and report what
 * resulted.  Return CLI_EXIT_YES, or another status after a message if there is no such user: a name
 * that is mistyped would select nothing, as if that user had done nothing. */
enum cli_exit cli_user_rewrite(struct cli_request *c);

#endif
