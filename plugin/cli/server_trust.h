/* SPDX-License-Identifier: Apache-2.0 */
/* Check who serves a socket, by the rule of libjeton (proto/socket_trust.h): a value must not be
 * shown to a stranger, nor an answer be believed from one. */
#ifndef JETON_PLUGIN_CLI_SERVER_TRUST_H
#define JETON_PLUGIN_CLI_SERVER_TRUST_H

enum { CLI_SERVER_TRUST_TEXT = 512 };

/* Check the server of a connected socket.  Return 0; or -errno, and a text for people that says what
 * of the path cannot be trusted, and why. */
int cli_server_trust_check(int fd, const char *path, char text[CLI_SERVER_TRUST_TEXT]);

#endif
