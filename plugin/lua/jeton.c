/* SPDX-License-Identifier: Apache-2.0 */
/* The Lua module `jeton`: libjeton for programs that run Lua, such as HAProxy and OpenResty.  README.md here
 * describes it.  It is compiled for each version of Lua whose headers are there. */
#include <lauxlib.h>

#include "plugin/lua/authorize.h"
#include "plugin/lua/handle.h"
#include "plugin/lua/verify.h"

__attribute__((visibility("default"))) int luaopen_jeton(lua_State *L);

int luaopen_jeton(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "verify", verify_value },
        { "authorize", authorize_request },
        { NULL, NULL },
    };
    static const luaL_Reg functions[] = {
        { "open", handle_open },
        { "bearer", authorize_bearer },
        { NULL, NULL },
    };

    handle_make_type(L, methods);
    lua_createtable(L, 0, 3);
    handle_set_functions(L, functions);
    handle_set_text(L, "SOCKET", JETON_SOCKET);
    return 1;
}
