/* SPDX-License-Identifier: Apache-2.0 */
/* The client's own credential towards the OAuth server, and the form encoding it takes there. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_CLIENT_AUTH_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_CLIENT_AUTH_H

#include "proto/text.h"

enum { CLIENT_AUTH_ID_MAX = 512 }; /* bytes of a client_id */

/* Adds the bytes as application/x-www-form-urlencoded: at most three for each. */
void form_encode(struct text *out, struct slice bytes);

/* Both return the line of an Authorization: header, to be freed with client_auth_free(); or NULL, and
 * `problem` says what is wrong with the file.  A secret is what a regular file holds that others
 * cannot open, without the newline at its end. */
char *client_auth_basic(const char *client_id, const char *path, char *problem, size_t room);
char *client_auth_bearer(const char *path, char *problem, size_t room);
void client_auth_free(char *secret);

#endif
