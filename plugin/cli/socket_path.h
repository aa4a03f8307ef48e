/* SPDX-License-Identifier: Apache-2.0 */
/* Choose the socket to connect to. */
#ifndef JETON_PLUGIN_CLI_SOCKET_PATH_H
#define JETON_PLUGIN_CLI_SOCKET_PATH_H

#include "plugin/cli/connection.h"
#include "proto/request.h"

/* Connect to the socket `given`, else to the one that JETON_SOCKET names, else to the first default
 * socket that exists, may be used, and grants the verb: that of administrators, of the user's own
 * tokens, of observers, of verifiers.  `role` is the least that does, the second aside.  Return 0 and
 * the path; or -errno, after a message with the problem and what to do. */
int cli_socket_path_open(struct cli_connection *conn, const char *given, enum verb verb,
                         enum role role, const char **path);

#endif
