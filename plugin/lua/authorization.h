/* SPDX-License-Identifier: Apache-2.0 */
/* The value of an Authorization header (RFC 6750).  No state; any thread. */
#ifndef JETON_PLUGIN_LUA_AUTHORIZATION_H
#define JETON_PLUGIN_LUA_AUTHORIZATION_H

#include <stddef.h>

enum authorization {
    AUTHORIZATION_NONE,    /* no credentials that could be a token: another scheme */
    AUTHORIZATION_TOKEN,   /* a token */
    AUTHORIZATION_REFUSED, /* not one token: two, white space, a comma or other bytes inside */
};

/* Find the token in the value of the only Authorization header. */
enum authorization authorization_read(const char *text, size_t len, const char **token,
                                      size_t *token_len);

#endif
