/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/jwks.h"

#include "daemon/verifiers/credential_id.h"
#include "daemon/verifiers/jwt/jwk.h"
#include "daemon/verifiers/jwt/key_file.h"
#include "daemon/verifiers/untrusted_json.h"

enum { KID_SHOWN = 40, MORE_SPACE = 32 };

/* Write a key's kid, unless it is not fit to be shown. */
static void put_kid(const json_t *jwk, struct text *t)
{
    struct slice kid = untrusted_json_string(json_object_get(jwk, "kid"));

    if (kid.len == 0 || kid.len > KID_SHOWN || !credential_text_is_printable(kid))
        return;
    text_adds(t, " (kid ");
    text_add(t, kid.at, kid.len);
    text_adds(t, ")");
}

/* Add which key is ignored, and why, to the warning.  False: it does not fit. */
static bool warn(struct text *warning, const json_t *jwk, size_t number, const char *fault)
{
    struct text t = *warning;

    text_adds(&t, t.len > 0 ? "; key " : "key ");
    text_add_u64(&t, number);
    put_kid(jwk, &t);
    text_adds(&t, " is ignored: ");
    text_adds(&t, fault);
    if (!t.cut)
        *warning = t;
    return !t.cut;
}

static const char *add_keys(struct jwt_key_set *set, const json_t *list,
                            char error[JWT_KEY_SET_ERROR])
{
    size_t before = set->count, more = 0;
    struct text warning = text_in(error, JWT_KEY_SET_ERROR - MORE_SPACE);

    for (size_t i = 0; i < json_array_size(list); i++) {
        if (set->count == JWT_KEY_SET_MAX)
            return jwt_key_set_full;
        const json_t *jwk = json_array_get(list, i);
        const char *fault = NULL;
        if (jwt_jwk_parse(jwk, &set->key[set->count], &fault) &&
            jwt_key_set_accepts(set, &set->key[set->count]))
            set->count++;
        more += fault != NULL && !warn(&warning, jwk, i + 1, fault);
    }
    warning.cap = JWT_KEY_SET_ERROR - 1;
    if (more > 0)
        text_addf(&warning, "; and %zu more", more);
    if (set->count == before && warning.len == 0)
        text_adds(&warning, "no key in it verifies signatures by an algorithm of algorithms=");
    error[warning.len] = '\0';
    return NULL;
}

const char *jwt_jwks_add(struct jwt_key_set *set, const char *path, char error[JWT_KEY_SET_ERROR])
{
    struct slice text;
    json_t *jwks = NULL;

    const char *fault = jwt_key_file_read(path, false, &text);
    if (fault != NULL)
        return fault;
    enum untrusted_json_status status = untrusted_json_parse(text, &jwks);
    const json_t *list = json_object_get(jwks, "keys");
    if (status == UNTRUSTED_JSON_NO_MEMORY)
        fault = "out of memory";
    else if (status == UNTRUSTED_JSON_DUPLICATE)
        fault = "an object in it has two members of one name";
    else if (!json_is_array(list))
        fault = "this is not a JSON Web Key Set ({\"keys\":[...]})";
    else
        fault = add_keys(set, list, error);
    json_decref(jwks);
    jwt_key_file_free(text);
    return fault;
}
