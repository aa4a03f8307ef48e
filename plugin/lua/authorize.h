/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens of HTTP requests: what jeton-gateway answers, for programs that run Lua. */
#ifndef JETON_PLUGIN_LUA_AUTHORIZE_H
#define JETON_PLUGIN_LUA_AUTHORIZE_H

#include <lua.h>

/* jeton.bearer(headers): the token; or nil, and whether there were credentials.  `headers` are the values
 * of all Authorization headers: nil, a string, or a table, from 0 on as in HAProxy or from 1 on. */
int authorize_bearer(lua_State *L);

/* handle:authorize(headers [, { scope=, subject=, realm= }]): 200, the headers for the application, all
 * of which are always there, and the claims; or 401, 403, 500 or 503, and the headers of the answer. */
int authorize_request(lua_State *L);

#endif
