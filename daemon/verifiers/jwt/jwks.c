/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/jwks.h"

#include <stdio.h>

#include "daemon/verifiers/untrusted_json.h"
#include "daemon/verifiers/jwt/jwk.h"
#include "daemon/verifiers/jwt/key_file.h"

static const char *add_keys(struct jwt_key_set *set, const json_t *list,
                            char error[JWT_KEY_SET_ERROR])
{
    size_t before = set->count;

    for (size_t i = 0; i < json_array_size(list); i++) {
        if (set->count == JWT_KEY_SET_MAX)
            return jwt_key_set_full;
        struct jwt_key *key = &set->key[set->count];
        const char *fault = NULL;
        if (jwt_jwk_parse(json_array_get(list, i), key, &fault) && jwt_key_set_accepts(set, key))
            set->count++;
        if (fault != NULL) {
            snprintf(error, JWT_KEY_SET_ERROR, "key %zu: %s", i + 1, fault);
            return error;
        }
    }
    return set->count > before ? NULL :
                                 "no key in it verifies signatures by an algorithm of algorithms=";
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
