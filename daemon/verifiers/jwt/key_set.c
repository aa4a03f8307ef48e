/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/key_set.h"

#include <stdio.h>

#include "daemon/verifiers/jwt/key_file.h"
#include "daemon/verifiers/jwt/pem.h"

const char jwt_key_set_full[] = "this would be more than 32 keys";

bool jwt_key_set_accepts(const struct jwt_key_set *set, const struct jwt_key *key)
{
    uint32_t possible = key->only_alg != NULL ? jwt_alg_bit(key->only_alg) :
                                                jwt_alg_set_for(key->type);

    return (possible & set->algorithms) != 0;
}

/* -- files ------------------------------------------------------------------------------------- */

const char *jwt_key_set_add_pem(struct jwt_key_set *set, const char *path,
                                char error[JWT_KEY_SET_ERROR])
{
    struct slice text;
    struct jwt_key *key = &set->key[set->count];
    char names[JWT_ALG_SET_TEXT];

    if (set->count == JWT_KEY_SET_MAX)
        return jwt_key_set_full;
    const char *fault = jwt_key_file_read(path, false, &text);
    if (fault == NULL)
        fault = jwt_pem_parse(text, key);
    jwt_key_file_free(text);
    if (fault != NULL)
        return fault;
    if (jwt_key_set_accepts(set, key)) {
        set->count++;
        return NULL;
    }
    jwt_alg_set_format(jwt_alg_set_for(key->type), names);
    snprintf(error, JWT_KEY_SET_ERROR, "this key (%s) is for %s: add its algorithm to algorithms=",
             jwt_key_type_name(key->type), names);
    return error;
}

/* Detect the newline that an editor or echo adds, and that is not part of the issuer's secret. */
static bool is_text_line(struct slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if ((text.at[i] < ' ' || text.at[i] > '~') && text.at[i] != '\r')
            return false;
    return text.len > 0 && text.at[text.len - 1] == '\n';
}

const char *jwt_key_set_add_secret(struct jwt_key_set *set, const char *path,
                                   char error[JWT_KEY_SET_ERROR])
{
    struct slice text;

    (void)error;
    if (set->count == JWT_KEY_SET_MAX)
        return jwt_key_set_full;
    const char *fault = jwt_key_file_read(path, true, &text);
    if (fault == NULL && is_text_line(text))
        fault = "this secret ends with a newline: write the file without one (printf %s)";
    if (fault == NULL)
        fault = jwt_key_init(JWT_KEY_SECRET, text, (struct slice){ NULL, 0 },
                             &set->key[set->count]);
    jwt_key_file_free(text);
    if (fault == NULL)
        set->count++;
    return fault;
}

/* -- signatures -------------------------------------------------------------------------------- */

static bool fits(const struct jwt_key *key, const struct jwt_alg *alg)
{
    return key->type == alg->type && (key->only_alg == NULL || key->only_alg == alg);
}

static bool has_kid(const struct jwt_key *key, const char *kid)
{
    return kid != NULL && key->has_kid && strcmp(kid, key->kid) == 0;
}

/* Try the keys that have the kid; or those that it does not select among. */
static enum jwt_signature try_keys(const struct jwt_key_set *set, const struct jwt_alg *alg,
                                   const char *kid, bool selected, struct slice text,
                                   struct slice signature)
{
    enum jwt_signature result = JWT_SIGNATURE_INVALID;

    for (size_t i = 0; i < set->count; i++) {
        const struct jwt_key *key = &set->key[i];
        if (!fits(key, alg) || (selected ? !has_kid(key, kid) : kid != NULL && key->has_kid))
            continue;
        enum jwt_signature tried = jwt_key_verify(key, alg, text, signature);
        if (tried == JWT_SIGNATURE_VALID)
            return tried;
        if (tried == JWT_SIGNATURE_ERROR)
            result = tried;
    }
    return result;
}

enum jwt_signature jwt_key_set_verify(const struct jwt_key_set *set, const struct jwt_alg *alg,
                                      const char *kid, struct slice text, struct slice signature)
{
    enum jwt_signature first = try_keys(set, alg, kid, true, text, signature);

    if (first == JWT_SIGNATURE_VALID)
        return first;
    enum jwt_signature second = try_keys(set, alg, kid, false, text, signature);
    return second == JWT_SIGNATURE_INVALID ? first : second;
}
