/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/alg.h"

static const struct jwt_alg algs[] = {
    { "RS256", JWT_KEY_RSA, GNUTLS_SIGN_RSA_SHA256 },
    { "RS384", JWT_KEY_RSA, GNUTLS_SIGN_RSA_SHA384 },
    { "RS512", JWT_KEY_RSA, GNUTLS_SIGN_RSA_SHA512 },
    { "PS256", JWT_KEY_RSA, GNUTLS_SIGN_RSA_PSS_SHA256 },
    { "PS384", JWT_KEY_RSA, GNUTLS_SIGN_RSA_PSS_SHA384 },
    { "PS512", JWT_KEY_RSA, GNUTLS_SIGN_RSA_PSS_SHA512 },
    { "ES256", JWT_KEY_P256, GNUTLS_SIGN_ECDSA_SHA256 },
    { "ES384", JWT_KEY_P384, GNUTLS_SIGN_ECDSA_SHA384 },
    { "ES512", JWT_KEY_P521, GNUTLS_SIGN_ECDSA_SHA512 },
    { "EdDSA", JWT_KEY_ED25519, GNUTLS_SIGN_UNKNOWN },
    { "Ed25519", JWT_KEY_ED25519, GNUTLS_SIGN_UNKNOWN }, /* EdDSA's name in RFC 9864 */
    { "HS256", JWT_KEY_SECRET, GNUTLS_SIGN_UNKNOWN },
};

enum { ALGS = sizeof(algs) / sizeof(algs[0]) };

const struct jwt_alg *jwt_alg_find(struct slice name)
{
    for (size_t i = 0; i < ALGS; i++)
        if (slice_is(name, algs[i].name))
            return &algs[i];
    return NULL;
}

uint32_t jwt_alg_bit(const struct jwt_alg *alg)
{
    return UINT32_C(1) << (alg - algs);
}

uint32_t jwt_alg_set_for(enum jwt_key_type type)
{
    uint32_t set = 0;

    for (size_t i = 0; i < ALGS; i++)
        if (algs[i].type == type)
            set |= jwt_alg_bit(&algs[i]);
    return set;
}

bool jwt_alg_set_parse(struct slice names, uint32_t *set)
{
    *set = 0;
    for (bool more = true; more;) {
        const char *comma = names.len > 0 ? memchr(names.at, ',', names.len) : NULL;
        size_t len = comma != NULL ? (size_t)(comma - names.at) : names.len;
        const struct jwt_alg *alg = jwt_alg_find((struct slice){ names.at, len });

        if (alg == NULL)
            return false;
        *set |= jwt_alg_bit(alg);
        more = comma != NULL;
        if (more)
            names = (struct slice){ comma + 1, names.len - len - 1 };
    }
    return true;
}

void jwt_alg_set_format(uint32_t set, char names[JWT_ALG_SET_TEXT])
{
    struct text t = text_in(names, JWT_ALG_SET_TEXT - 1);

    for (size_t i = 0; i < ALGS; i++)
        if ((set & jwt_alg_bit(&algs[i])) != 0) {
            text_adds(&t, t.len > 0 ? "," : "");
            text_adds(&t, algs[i].name);
        }
    names[t.len] = '\0';
}
