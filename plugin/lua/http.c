/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lua/http.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "plugin/lua/authorization.h"
#include "plugin/lua/handle.h"
#include "plugin/lua/verify.h"
#include "proto/stamp.h"

enum { RETRY_AFTER = 5, REALM_MAX = 128 }; /* seconds, when nobody could judge */

/* What a token must be good for. */
struct wanted {
    const char *scope, *subject, *realm;
};

/* Read the values of all Authorization headers at `index`.  Several are refused.  What is found lives as
 * long as what is at that index. */
static enum authorization read_headers(lua_State *L, int index, const char **token, size_t *len)
{
    enum authorization found = AUTHORIZATION_NONE;
    const char *text = NULL;
    size_t text_len = 0, count = 1;

    if (lua_isnoneornil(L, index))
        return AUTHORIZATION_NONE;
    if (lua_type(L, index) == LUA_TSTRING) {
        text = lua_tolstring(L, index, &text_len);
    } else {
        luaL_checktype(L, index, LUA_TTABLE);
        count = 0;
        for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1), count++)
            text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &text_len) : NULL;
        if (count == 0)
            return AUTHORIZATION_NONE;
    }
    if (count == 1 && text != NULL)
        found = authorization_read(text, text_len, token, len);
    else
        found = AUTHORIZATION_REFUSED;
    return found;
}

int http_bearer(lua_State *L)
{
    const char *token;
    size_t len;

    lua_settop(L, 1);
    enum authorization found = read_headers(L, 1, &token, &len);
    if (found == AUTHORIZATION_TOKEN) {
        lua_pushlstring(L, token, len);
        return 1;
    }
    lua_pushnil(L);
    lua_pushboolean(L, found == AUTHORIZATION_REFUSED);
    return 2;
}

/* Set a header: all but visible ASCII, and the percent sign, is percent-encoded. */
static void set_header(lua_State *L, const char *name, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    luaL_Buffer buffer;

    luaL_buffinit(L, &buffer);
    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte > 0x20 && byte < 0x7f && byte != '%') {
            luaL_addchar(&buffer, *text);
        } else {
            luaL_addchar(&buffer, '%');
            luaL_addchar(&buffer, hex[byte >> 4]);
            luaL_addchar(&buffer, hex[byte & 15]);
        }
    }
    luaL_pushresult(&buffer);
    lua_setfield(L, -2, name);
}

/* Push the headers for the application: always all of them, so that none is the client's. */
static void push_identity(lua_State *L, const struct jeton_claims *claims)
{
    char expires[STAMP_TEXT + 1] = "never";
    struct text text = text_in(expires, STAMP_TEXT);

    if (claims->expires != JETON_NEVER)
        stamp_write(&text, claims->expires);
    lua_createtable(L, 0, 5);
    set_header(L, "X-Jeton-Id", claims->id);
    set_header(L, "X-Jeton-Subject", claims->subject);
    set_header(L, "X-Jeton-Scopes", claims->scopes);
    set_header(L, "X-Jeton-Expires", expires);
    set_header(L, "X-Jeton-Verifier", claims->verifier);
}

/* Set WWW-Authenticate in the table on the top of the stack.  No error is named where no token was sent. */
static void set_challenge(lua_State *L, const struct wanted *wanted, const char *error,
                          bool lacks_scope)
{
    lua_pushfstring(L, "Bearer realm=\"%s\"", wanted->realm);
    if (error != NULL) {
        lua_pushfstring(L, ", error=\"%s\"", error);
        lua_concat(L, 2);
    }
    if (lacks_scope && wanted->scope != NULL) {
        lua_pushliteral(L, ", scope=\"");
        luaL_gsub(L, wanted->scope, ",", " ");
        lua_pushliteral(L, "\"");
        lua_concat(L, 4);
    }
    lua_setfield(L, -2, "WWW-Authenticate");
}

static int refuse(lua_State *L, const struct wanted *wanted, enum jeton_status status,
                  int64_t retry_after)
{
    int http = jeton_status_http(status);

    if (status == JETON_UNAVAILABLE)
        retry_after = RETRY_AFTER;
    else if (status == JETON_PENDING && retry_after < 1)
        retry_after = 1;
    lua_pushinteger(L, http);
    lua_createtable(L, 0, 3);
    handle_set_text(L, "Cache-Control", "no-store");
    if (http < 500)
        set_challenge(L, wanted, http == 403 ? "insufficient_scope" : "invalid_token",
                      status == JETON_SCOPE);
    if (retry_after > 0) {
        lua_pushfstring(L, "%d", (int)(retry_after < INT_MAX ? retry_after : INT_MAX));
        lua_setfield(L, -2, "Retry-After");
    }
    return 2;
}

static void read_wanted(lua_State *L, int index, struct wanted *wanted)
{
    const struct handle_option options[] = {
        { "scope", &wanted->scope },
        { "subject", &wanted->subject },
        { "realm", &wanted->realm },
        { NULL, NULL },
    };

    handle_read_options(L, index, options);
    size_t len = strlen(wanted->realm);
    if (len == 0 || len > REALM_MAX)
        luaL_error(L, "realm: 1 to 128 bytes");
    for (const char *c = wanted->realm; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e || *c == '"' || *c == '\\')
            luaL_error(L, "realm: printable ASCII, without \" and \\");
}

int http_authorize(lua_State *L)
{
    struct jeton *jeton = handle_check(L);
    struct wanted wanted = { NULL, NULL, "jeton" };
    struct jeton_claims claims;
    const char *token;
    size_t len;

    lua_settop(L, 3);
    read_wanted(L, 3, &wanted);
    enum authorization found = read_headers(L, 2, &token, &len);
    if (found != AUTHORIZATION_TOKEN) {
        refuse(L, &wanted, JETON_MALFORMED, 0);
        if (found == AUTHORIZATION_NONE)
            set_challenge(L, &wanted, NULL, false);
        return 2;
    }
    claims.size = sizeof(claims);
    enum jeton_status status = jeton_verify(jeton, token, len, wanted.scope, wanted.subject,
                                            &claims);
    if (status != JETON_OK)
        return refuse(L, &wanted, status, claims.retry_after);
    lua_pushinteger(L, 200);
    push_identity(L, &claims);
    verify_push_claims(L, &claims);
    return 3;
}
