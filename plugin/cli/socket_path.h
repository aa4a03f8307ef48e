/* SPDX-License-Identifier: Apache-2.0 */
/* Choose the socket to connect to. */
#ifndef JETON_PLUGIN_CLI_SOCKET_PATH_H
#define JETON_PLUGIN_CLI_SOCKET_PATH_H

#include "plugin/cli/connection.h"
#include "proto/request.h"

/* What a socket has to grant. */
struct cli_socket_need {
    enum verb verb;
    enum role role; /* the least that does, ROLE_SELF aside */
    uint64_t keys;  /* KEY_BITs, which ROLE_SELF grants each by itself */
};

/* Connect to the socket `given`, else to the one that JETON_SOCKET names, else to the first default
 * socket that exists, may be used, and grants what is needed: that of administrators, of the user's own
 * tokens, of observers, of verifiers.  Return 0 and the path; or -errno, after a message with the problem
 * and what to do. */
int cli_socket_path_open(struct cli_connection *conn, const char *given,
                         const struct cli_socket_need *need, const char **path);

#endif
