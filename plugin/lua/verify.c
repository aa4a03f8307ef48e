/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lua/verify.h"

#include <lauxlib.h>

#include "plugin/lua/handle.h"

static void push_seconds(lua_State *L, int64_t seconds)
{
#if LUA_VERSION_NUM >= 503
    lua_pushinteger(L, seconds);
#else
    lua_pushnumber(L, (lua_Number)seconds);
#endif
}

void verify_push_claims(lua_State *L, const struct jeton_claims *claims)
{
    lua_createtable(L, 0, 6);
    handle_set_text(L, "id", claims->id);
    handle_set_text(L, "subject", claims->subject);
    handle_set_text(L, "scopes", claims->scopes);
    handle_set_text(L, "verifier", claims->verifier);
    handle_set_text(L, "source", claims->source == JETON_TABLE ? "table" : "daemon");
    if (claims->expires != JETON_NEVER) {
        push_seconds(L, claims->expires);
        lua_setfield(L, -2, "expires");
    }
}

int verify_value(lua_State *L)
{
    struct jeton *jeton = handle_check(L);
    const char *scope = NULL, *subject = NULL;
    const struct handle_option options[] = { { "scope", &scope },
                                             { "subject", &subject },
                                             { NULL, NULL } };
    struct jeton_claims claims;
    size_t len;

    luaL_checktype(L, 2, LUA_TSTRING);
    const char *value = lua_tolstring(L, 2, &len);
    handle_read_options(L, 3, options);
    claims.size = sizeof(claims);
    enum jeton_status status = jeton_verify(jeton, value, len, scope, subject, &claims);
    if (status == JETON_OK) {
        verify_push_claims(L, &claims);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, jeton_status_word(status));
    lua_pushinteger(L, jeton_status_http(status));
    if (claims.retry_after == 0)
        return 3;
    push_seconds(L, claims.retry_after);
    return 4;
}
