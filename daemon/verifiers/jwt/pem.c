/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/jwt/pem.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

static const char unreadable[] =
    "this cannot be read: it is damaged, or of a type that GnuTLS does not support";

/* -- keys out of GnuTLS ------------------------------------------------------------------------ */

static struct slice slice_from(gnutls_datum_t d)
{
    return (struct slice){ (const char *)d.data, d.size };
}

static const char *export_rsa(gnutls_pubkey_t pubkey, struct jwt_key *key)
{
    gnutls_datum_t n = { NULL, 0 }, e = { NULL, 0 };

    if (gnutls_pubkey_export_rsa_raw2(pubkey, &n, &e, 0) < 0)
        return unreadable;
    const char *fault = jwt_key_init(JWT_KEY_RSA, slice_from(n), slice_from(e), key);
    gnutls_free(n.data);
    gnutls_free(e.data);
    return fault;
}

static const char *export_ec(gnutls_pubkey_t pubkey, struct jwt_key *key)
{
    gnutls_datum_t x = { NULL, 0 }, y = { NULL, 0 };
    gnutls_ecc_curve_t curve;
    enum jwt_key_type type;

    if (gnutls_pubkey_export_ecc_raw2(pubkey, &curve, &x, &y, 0) < 0)
        return unreadable;
    const char *fault = jwt_key_type_of_curve(curve, &type) ?
                            jwt_key_init(type, slice_from(x), slice_from(y), key) :
                            "this key's curve is none of P-256, P-384, P-521 and Ed25519";
    gnutls_free(x.data);
    gnutls_free(y.data);
    return fault;
}

static const struct {
    gnutls_pk_algorithm_t algorithm;
    const char *(*export)(gnutls_pubkey_t pubkey, struct jwt_key *key);
} exporters[] = {
    { GNUTLS_PK_RSA, export_rsa },
    { GNUTLS_PK_EC, export_ec },
    { GNUTLS_PK_EDDSA_ED25519, export_ec },
};

static const char *export_key(gnutls_pubkey_t pubkey, struct jwt_key *key)
{
    int algorithm = gnutls_pubkey_get_pk_algorithm(pubkey, NULL);

    for (size_t i = 0; i < sizeof(exporters) / sizeof(exporters[0]); i++)
        if ((int)exporters[i].algorithm == algorithm)
            return exporters[i].export(pubkey, key);
    return "this key is none of RSA, P-256, P-384, P-521 and Ed25519";
}

/* -- PEM labels ------------------------------------------------------------------------------- */

static int read_public(const gnutls_datum_t *text, gnutls_pubkey_t pubkey)
{
    return gnutls_pubkey_import(pubkey, text, GNUTLS_X509_FMT_PEM);
}

static int read_certificate(const gnutls_datum_t *text, gnutls_pubkey_t pubkey)
{
    gnutls_x509_crt_t certificate = NULL;

    int error = gnutls_x509_crt_init(&certificate);
    if (error >= 0)
        error = gnutls_x509_crt_import(certificate, text, GNUTLS_X509_FMT_PEM);
    if (error >= 0)
        error = gnutls_pubkey_import_x509(pubkey, certificate, 0);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    return error;
}

static const char begin[] = "-----BEGIN ";

static const struct {
    const char *label;
    int (*read)(const gnutls_datum_t *text, gnutls_pubkey_t pubkey);
} labels[] = {
    { "PUBLIC KEY-----", read_public },
    { "CERTIFICATE-----", read_certificate },
};

static struct slice after(struct slice text, const char *at)
{
    return (struct slice){ at, text.len - (size_t)(at - text.at) };
}

static const char *find(struct slice text, const char *string)
{
    return text.len > 0 ? memmem(text.at, text.len, string, strlen(string)) : NULL;
}

static const char *read_as(size_t row, struct slice text, struct jwt_key *key)
{
    gnutls_datum_t whole = { (unsigned char *)text.at, (unsigned)text.len };
    gnutls_pubkey_t pubkey = NULL;

    if (gnutls_pubkey_init(&pubkey) < 0)
        return "out of memory";
    const char *fault = labels[row].read(&whole, pubkey) < 0 ? unreadable : export_key(pubkey, key);
    gnutls_pubkey_deinit(pubkey);
    return fault;
}

const char *jwt_pem_parse(struct slice text, struct jwt_key *key)
{
    const char *first = find(text, begin);

    if (find(text, "PRIVATE KEY-----") != NULL)
        return "this holds a private key: give only the public key "
               "(openssl pkey -pubout)";
    if (first == NULL)
        return "this is neither a public key nor a certificate in PEM (-----BEGIN PUBLIC KEY-----)";
    struct slice rest = after(text, first + strlen(begin));
    /* The second one often is the certificate of the CA, which signs no JWTs. */
    if (find(rest, begin) != NULL)
        return "this holds more than one key or certificate: put each into a file of its own";
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (slice_begins(rest, labels[i].label))
            return read_as(i, text, key);
    return "this should begin with -----BEGIN PUBLIC KEY----- or -----BEGIN CERTIFICATE----- "
           "(openssl rsa -RSAPublicKey_in -pubout converts an RSA PUBLIC KEY)";
}
