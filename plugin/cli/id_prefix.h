/* SPDX-License-Identifier: Apache-2.0 */
/* Completes an identifier that is given by its first digits.
 *
 * The protocol has no such request.  Who may have the table (root; [verify] table_group) finds the
 * identifier there, in the time of one request.  For others the list is read to its end, or until
 * the digits have proved ambiguous; the daemon reads each token from its store, which takes half a
 * minute for a million. */
#ifndef JETON_PLUGIN_CLI_ID_PREFIX_H
#define JETON_PLUGIN_CLI_ID_PREFIX_H

#include "plugin/cli/request.h"

/* Replaces an argument that has the first digits of an identifier, if the verb takes one, by the
 * identifier.  CLI_EXIT_YES, or another status after a message. */
enum cli_exit cli_id_prefix_resolve(struct cli_request *c);

#endif
