/* SPDX-License-Identifier: Apache-2.0 */
/* The first digits of an identifier in place of the whole.
 *
 * The protocol has no such question.  Who may have the table (root; [verify] table_group) finds
 * the identifier there, in the time of one request.  For others the list is read: that a beginning
 * is ambiguous shows as soon as there are enough examples, but that it is not only at its end, and
 * the daemon reads each token from its store: a moment for a thousand, half a minute for a
 * million. */
#ifndef JETON_PLUGIN_CLI_ID_PREFIX_H
#define JETON_PLUGIN_CLI_ID_PREFIX_H

#include "plugin/cli/request.h"

/* Replaces the first digits of an identifier among the arguments, if the verb takes one, by the
 * identifier.  CLI_YES, or said why not. */
enum cli_exit cli_id_prefix_resolve(struct cli *c);

#endif
