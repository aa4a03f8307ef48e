/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying a value, and what is known of its token as a table. */
#ifndef JETON_PLUGIN_LUA_VERIFY_H
#define JETON_PLUGIN_LUA_VERIFY_H

#include <lua.h>

#include "plugin/lib/jeton.h"

/* handle:verify(value [, { scope=, subject= }]): the claims; or nil, the reason, the HTTP status and,
 * where waiting helps, the seconds. */
int verify_value(lua_State *L);

/* Push a table. */
void verify_push_claims(lua_State *L, const struct jeton_claims *claims);

#endif
