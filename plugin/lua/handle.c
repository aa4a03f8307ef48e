/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lua/handle.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "proto/socket_trust.h"

#define HANDLE_TYPE "jeton.handle"

struct handle {
    struct jeton *jeton; /* NULL: closed */
};

struct jeton *handle_check(lua_State *L)
{
    struct handle *h = luaL_checkudata(L, 1, HANDLE_TYPE);

    luaL_argcheck(L, h->jeton != NULL, 1, "the handle is closed");
    return h->jeton;
}

/* -- options ---------------------------------------------------------------------------------- */

/* Read the option whose key and value are on the top of the stack. */
static void read_option(lua_State *L, const struct handle_option *option)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    size_t len;

    while (option->name != NULL && strcmp(option->name, name) != 0)
        option++;
    if (option->name == NULL)
        luaL_error(L, "there is no option %s", name);
    if (option->text == NULL)
        return;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s: a string is needed", name);
    *option->text = lua_tolstring(L, -1, &len);
    if (strlen(*option->text) != len)
        luaL_error(L, "%s: a NUL is inside", name);
}

void handle_read_options(lua_State *L, int index, const struct handle_option *options)
{
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        read_option(L, options);
}

static unsigned int read_flag(lua_State *L, const char *name, unsigned int flag)
{
    lua_getfield(L, 1, name);
    bool off = !lua_isnil(L, -1) && !lua_toboolean(L, -1);
    lua_pop(L, 1);
    return off ? flag : 0;
}

/* Return the timeout in milliseconds; 0: none is given. */
static unsigned int read_timeout(lua_State *L)
{
    lua_getfield(L, 1, "timeout");
    lua_Number milliseconds = lua_tonumber(L, -1);
    if (!lua_isnil(L, -1) && !(milliseconds >= 1 && milliseconds <= 600000))
        luaL_error(L, "timeout: 1 to 600000 milliseconds");
    lua_pop(L, 1);
    return (unsigned int)milliseconds;
}

/* -- opening and closing ---------------------------------------------------------------------- */

int handle_open(lua_State *L)
{
    const char *path = NULL, *service = NULL;
    const struct handle_option options[] = {
        { "socket", &path }, { "service", &service }, { "timeout", NULL },
        { "table", NULL },   { "reports", NULL },     { NULL, NULL },
    };

    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    handle_read_options(L, 1, options);
    unsigned int timeout = read_timeout(L);
    unsigned int flags = read_flag(L, "table", JETON_NO_TABLE) |
                         read_flag(L, "reports", JETON_NO_REPORTS);
    struct handle *h = lua_newuserdata(L, sizeof(*h));

    h->jeton = NULL;
    luaL_getmetatable(L, HANDLE_TYPE);
    lua_setmetatable(L, -2);
    int error = jeton_open(&h->jeton, path, service, flags);
    if (error < 0) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: %s", path != NULL ? path : JETON_SOCKET,
                        socket_trust_error_text(error));
        return 2;
    }
    if (timeout != 0)
        jeton_set_timeout(h->jeton, timeout);
    return 1;
}

/* The collector calls it too, also after close(). */
static int close_handle(lua_State *L)
{
    struct handle *h = luaL_checkudata(L, 1, HANDLE_TYPE);

    jeton_close(h->jeton);
    h->jeton = NULL;
    return 0;
}

static int show_handle(lua_State *L)
{
    struct handle *h = luaL_checkudata(L, 1, HANDLE_TYPE);

    lua_pushfstring(L, "jeton handle (%s)", h->jeton != NULL ? "open" : "closed");
    return 1;
}

/* -- tables ----------------------------------------------------------------------------------- */

void handle_set_functions(lua_State *L, const luaL_Reg *functions)
{
    for (; functions->name != NULL; functions++) {
        lua_pushcfunction(L, functions->func);
        lua_setfield(L, -2, functions->name);
    }
}

void handle_set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

void handle_make_type(lua_State *L, const luaL_Reg *methods)
{
    static const luaL_Reg own[] = {
        { "close", close_handle },     { "__gc", close_handle }, { "__close", close_handle },
        { "__tostring", show_handle }, { NULL, NULL },
    };

    if (luaL_newmetatable(L, HANDLE_TYPE)) {
        handle_set_functions(L, own);
        handle_set_functions(L, methods);
        lua_pushvalue(L, -1);
        lua_setfield(L, -2, "__index");
        handle_set_text(L, "__metatable", "jeton");
    }
    lua_pop(L, 1);
}
