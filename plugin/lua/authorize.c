/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lua/authorize.h"

#include <lauxlib.h>

#include "plugin/http/answer.h"
#include "plugin/http/head.h"
#include "plugin/lua/handle.h"
#include "plugin/lua/verify.h"

static const struct http_accept bearer_only = { .bearer = true };

/* What a token must be good for. */
struct wanted {
    const char *scope, *subject, *realm;
};

/* -- credentials ------------------------------------------------------------------------------ */

/* Read the value of one Authorization header at `index`; anything but a string is none that can be read. */
static void read_header(lua_State *L, int index, struct http_credentials *c)
{
    if (lua_type(L, index) != LUA_TSTRING) {
        c->status = HTTP_CREDENTIALS_MALFORMED;
        return;
    }
    struct slice value;
    value.at = lua_tolstring(L, index, &value.len);
    http_credentials_field(c, &bearer_only, slice_of("Authorization"), http_trim(value));
}

/* Read the values of all Authorization headers at `index`.  The token lives as long as what is there. */
static void read_headers(lua_State *L, int index, struct http_credentials *c)
{
    http_credentials_begin(c);
    if (lua_isnoneornil(L, index))
        return;
    if (lua_type(L, index) == LUA_TSTRING) {
        read_header(L, index, c);
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        read_header(L, -1, c);
}

int authorize_bearer(lua_State *L)
{
    struct http_credentials c;

    lua_settop(L, 1);
    read_headers(L, 1, &c);
    if (c.status == HTTP_CREDENTIALS_TOKEN) {
        lua_pushlstring(L, c.token.at, c.token.len);
        return 1;
    }
    lua_pushnil(L);
    lua_pushboolean(L, c.status == HTTP_CREDENTIALS_MALFORMED);
    return 2;
}

/* -- the answer ------------------------------------------------------------------------------- */

static void read_wanted(lua_State *L, int index, struct wanted *wanted)
{
    const struct handle_option options[] = {
        { "scope", &wanted->scope },
        { "subject", &wanted->subject },
        { "realm", &wanted->realm },
        { NULL, NULL },
    };

    handle_read_options(L, index, options);
    const char *fault = http_realm_fault(slice_of(wanted->realm));
    if (fault != NULL)
        luaL_error(L, "realm: %s", fault);
}

/* Push the status, and those fields of the answer that are for the application, or for the client. */
static void push_answer(lua_State *L, const struct http_answer *answer)
{
    const bool passes = answer->status == 200;

    lua_pushinteger(L, (lua_Integer)answer->status);
    lua_createtable(L, 0, HTTP_ANSWER_FIELDS_MAX);
    for (unsigned i = 0; i < answer->fields; i++) {
        const struct http_answer_field *f = &answer->field[i];
        if (http_answer_is_for_client(f->name) == passes)
            continue;
        lua_pushlstring(L, f->name.at, f->name.len);
        lua_pushlstring(L, f->value.at, f->value.len);
        lua_rawset(L, -3);
    }
}

int authorize_request(lua_State *L)
{
    struct jeton *jeton = handle_check(L);
    struct wanted wanted = { NULL, NULL, "jeton" };
    struct jeton_claims claims = { .size = sizeof(claims) };
    struct http_credentials c;
    struct http_answer answer;
    enum jeton_status status = JETON_UNAVAILABLE;

    lua_settop(L, 3);
    read_wanted(L, 3, &wanted);
    read_headers(L, 2, &c);
    if (c.status == HTTP_CREDENTIALS_TOKEN)
        status = jeton_verify(jeton, c.token.at, c.token.len, wanted.scope, wanted.subject,
                              &claims);
    http_answer_decide(&answer, &(struct http_decision){
                                    .credentials = c.status,
                                    .status = status,
                                    .claims = &claims,
                                    .accept = &bearer_only,
                                    .realm = slice_of(wanted.realm),
                                    .scope = slice_of(wanted.scope != NULL ? wanted.scope : ""),
                                });
    push_answer(L, &answer);
    if (answer.status != 200)
        return 2;
    verify_push_claims(L, &claims);
    return 3;
}
