/* SPDX-License-Identifier: Apache-2.0 */
/* Complete an identifier that is given by its first digits.
 *
 * The protocol has no such request.  Users who may have the table (root; [verify] table_group) find
 * the identifier there, in the time of one request.  For others the list is read to its end, or
 * until the digits have proved ambiguous; the daemon reads each token from its store, which takes
 * half a minute for a million. */
#ifndef JETON_PLUGIN_CLI_ID_PREFIX_H
#define JETON_PLUGIN_CLI_ID_PREFIX_H

#include "plugin/cli/request.h"

/* If the verb takes an identifier and only its first digits are given, replace them by the
 * identifier.  Return CLI_EXIT_YES, or another status after a message. */
enum cli_exit cli_id_prefix_resolve(struct cli_request *c);

#endif
