/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticate to the OAuth server (RFC 6749, 2.3; RFC 6750), and encode forms for it. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_CLIENT_AUTH_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_CLIENT_AUTH_H

#include "proto/text.h"

enum { CLIENT_AUTH_ID_MAX = 512 }; /* bytes of a client_id */

/* Append bytes as application/x-www-form-urlencoded, at most three for each. */
void form_encode(struct text *out, struct slice bytes);

/* Make the line of an Authorization: header from the secret in a file: one line of text in a
 * regular file that others cannot open.  The caller passes it to client_auth_free().  NULL:
 * `problem` says what is wrong with the file. */
char *client_auth_basic(const char *client_id, const char *path, char *problem, size_t size);
char *client_auth_bearer(const char *path, char *problem, size_t size);
void client_auth_free(char *header);

#endif
