/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of libjeton as userdata, and reading options.  Any call into Lua may leave a function by a long
 * jump: what must be freed belongs to a userdata before the next such call. */
#ifndef JETON_PLUGIN_LUA_HANDLE_H
#define JETON_PLUGIN_LUA_HANDLE_H

#include <lauxlib.h>

#include "plugin/lib/jeton.h"

/* Text options: a name, and where to put the value.  The last row has no name. */
struct handle_option {
    const char *name;
    const char **text; /* NULL: an option that somebody else reads */
};

/* Read the table at `index`, or nil.  Any other key is an error, so that a misspelt one does not ask for
 * less; so is a NUL inside, which would cut the text off.  The texts live as long as the table has them. */
void handle_read_options(lua_State *L, int index, const struct handle_option *options);

/* Return the open handle at index 1; raise an error if there is none. */
struct jeton *handle_check(lua_State *L);

/* Make the metatable of handles, with these methods and those of a handle itself. */
void handle_make_type(lua_State *L, const luaL_Reg *methods);

/* jeton.open { socket=, service=, timeout=, table=, reports= }: a handle; or nil and a message. */
int handle_open(lua_State *L);

/* Add functions to the table on the top of the stack; set one of its fields to a text. */
void handle_set_functions(lua_State *L, const luaL_Reg *functions);
void handle_set_text(lua_State *L, const char *name, const char *text);

#endif
