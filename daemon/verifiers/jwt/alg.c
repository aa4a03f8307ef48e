/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/alg.h"

static const struct jwt_alg algs[] = {
    { "RS256", JWT_RSA, GNUTLS_SIGN_RSA_SHA256 },
    { "RS384", JWT_RSA, GNUTLS_SIGN_RSA_SHA384 },
    { "RS512", JWT_RSA, GNUTLS_SIGN_RSA_SHA512 },
    { "PS256", JWT_RSA, GNUTLS_SIGN_RSA_PSS_SHA256 },
    { "PS384", JWT_RSA, GNUTLS_SIGN_RSA_PSS_SHA384 },
    { "PS512", JWT_RSA, GNUTLS_SIGN_RSA_PSS_SHA512 },
    { "ES256", JWT_P256, GNUTLS_SIGN_ECDSA_SHA256 },
    { "ES384", JWT_P384, GNUTLS_SIGN_ECDSA_SHA384 },
    { "ES512", JWT_P521, GNUTLS_SIGN_ECDSA_SHA512 },
    { "EdDSA", JWT_ED25519, GNUTLS_SIGN_UNKNOWN },
    { "Ed25519", JWT_ED25519, GNUTLS_SIGN_UNKNOWN }, /* what RFC 9864 calls it */
    { "HS256", JWT_SECRET, GNUTLS_SIGN_UNKNOWN },
};

enum { ALGS = sizeof(algs) / sizeof(algs[0]) };

const struct jwt_alg *jwt_alg_named(struct slice name)
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

uint32_t jwt_algs_of_kind(enum jwt_kind kind)
{
    uint32_t set = 0;

    for (size_t i = 0; i < ALGS; i++)
        if (algs[i].kind == kind)
            set |= jwt_alg_bit(&algs[i]);
    return set;
}

bool jwt_algs_read(struct slice names, uint32_t *set)
{
    *set = 0;
    for (bool more = true; more;) {
        const char *comma = names.len > 0 ? memchr(names.at, ',', names.len) : NULL;
        size_t len = comma != NULL ? (size_t)(comma - names.at) : names.len;
        const struct jwt_alg *alg = jwt_alg_named((struct slice){ names.at, len });

        if (alg == NULL)
            return false;
        *set |= jwt_alg_bit(alg);
        more = comma != NULL;
        if (more)
            names = (struct slice){ comma + 1, names.len - len - 1 };
    }
    return true;
}

void jwt_algs_write(uint32_t set, char names[JWT_ALGS_TEXT])
{
    struct text t = text_in(names, JWT_ALGS_TEXT - 1);

    for (size_t i = 0; i < ALGS; i++)
        if ((set & jwt_alg_bit(&algs[i])) != 0) {
            text_adds(&t, t.len > 0 ? "," : "");
            text_adds(&t, algs[i].name);
        }
    names[t.len] = '\0';
}
