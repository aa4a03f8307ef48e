/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/key_set.h"

#include <stdio.h>

#include "daemon/verifiers/jwt/key_file.h"
#include "daemon/verifiers/jwt/jwk.h"
#include "daemon/verifiers/jwt/json.h"
#include "daemon/verifiers/jwt/pem.h"

static const char too_many[] = "this makes more than 32 keys";

static bool is_accepted(const struct jwt_key_set *keys, const struct jwt_key *key)
{
    uint32_t can = key->only != NULL ? jwt_alg_bit(key->only) : jwt_algs_of_kind(key->kind);

    return (can & keys->algorithms) != 0;
}

/* -- files ------------------------------------------------------------------------------------- */

const char *jwt_key_set_add_pem(struct jwt_key_set *keys, const char *path, char note[JWT_NOTE])
{
    struct slice text;
    struct jwt_key *key = &keys->key[keys->count];
    char fitting[JWT_ALGS_TEXT];

    if (keys->count == JWT_KEYS_MAX)
        return too_many;
    const char *fault = jwt_key_file_read(path, false, &text);
    if (fault == NULL)
        fault = jwt_pem_read(text, key);
    jwt_key_file_free(text);
    if (fault != NULL)
        return fault;
    if (is_accepted(keys, key)) {
        keys->count++;
        return NULL;
    }
    jwt_algs_write(jwt_algs_of_kind(key->kind), fitting);
    snprintf(note, JWT_NOTE, "this key (%s) is for %s: name what it is used with in algorithms=",
             jwt_kind_name(key->kind), fitting);
    return note;
}

/* The newline that an editor or echo put behind a text is no part of what the others have. */
static bool ends_as_a_line(struct slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if ((text.at[i] < ' ' || text.at[i] > '~') && text.at[i] != '\r')
            return false;
    return text.len > 0 && text.at[text.len - 1] == '\n';
}

const char *jwt_key_set_add_secret(struct jwt_key_set *keys, const char *path, char note[JWT_NOTE])
{
    struct slice text;

    (void)note;
    if (keys->count == JWT_KEYS_MAX)
        return too_many;
    const char *fault = jwt_key_file_read(path, true, &text);
    if (fault == NULL && ends_as_a_line(text))
        fault = "this secret ends with a newline: write it without (printf %s)";
    if (fault == NULL)
        fault = jwt_key_make(JWT_SECRET, text, (struct slice){ NULL, 0 }, &keys->key[keys->count]);
    jwt_key_file_free(text);
    if (fault == NULL)
        keys->count++;
    return fault;
}

static const char *add_jwks(struct jwt_key_set *keys, const json_t *list, char note[JWT_NOTE])
{
    size_t before = keys->count;

    for (size_t i = 0; i < json_array_size(list); i++) {
        if (keys->count == JWT_KEYS_MAX)
            return too_many;
        struct jwt_key *key = &keys->key[keys->count];
        const char *fault = NULL;
        if (jwt_jwk_read(json_array_get(list, i), key, &fault) && is_accepted(keys, key))
            keys->count++;
        if (fault != NULL) {
            snprintf(note, JWT_NOTE, "key %zu of it: %s", i + 1, fault);
            return note;
        }
    }
    return keys->count > before ? NULL :
                                  "no key of it is for a signature by what algorithms= names";
}

const char *jwt_key_set_add_jwks(struct jwt_key_set *keys, const char *path, char note[JWT_NOTE])
{
    struct slice text;
    json_t *set = NULL;

    const char *fault = jwt_key_file_read(path, false, &text);
    if (fault != NULL)
        return fault;
    enum jwt_json read = jwt_json_object(text, &set);
    const json_t *list = json_object_get(set, "keys");
    if (read == JWT_JSON_NO_MEMORY)
        fault = "out of memory";
    else if (read == JWT_JSON_TWICE)
        fault = "some object of it has two members of one name";
    else if (!json_is_array(list))
        fault = "this is no JSON Web Key Set ({\"keys\":[...]})";
    else
        fault = add_jwks(keys, list, note);
    json_decref(set);
    jwt_key_file_free(text);
    return fault;
}

/* -- signatures -------------------------------------------------------------------------------- */

/* A key without a name may have any. */
static bool may_be_named(const struct jwt_key *key, const char *kid)
{
    return kid == NULL || !key->has_kid || strcmp(kid, key->kid) == 0;
}

enum jwt_said jwt_key_set_check(const struct jwt_key_set *keys, const struct jwt_alg *alg,
                                const char *kid, struct slice text, struct slice signature)
{
    enum jwt_said said = JWT_SIGNED_NOT;

    for (size_t i = 0, tries = 0; i < keys->count && tries < JWT_TRIES_MAX; i++) {
        const struct jwt_key *key = &keys->key[i];
        if (key->kind != alg->kind || (key->only != NULL && key->only != alg) ||
            !may_be_named(key, kid))
            continue;
        enum jwt_said now = jwt_key_check(key, alg, text, signature);
        if (now == JWT_SIGNED)
            return now;
        if (now == JWT_TROUBLE)
            said = now;
        tries++;
    }
    return said;
}
