/* SPDX-License-Identifier: Apache-2.0 */
/* Refuse forged JWTs, and ignore values that are not JWTs. */
#include "tests/unit/support/jwt_maker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

/* -- other values ------------------------------------------------------------------------------ */

static const char *const not_jwts[] = {
    "",
    ".",
    "..",
    "...",
    "a",
    "a.b",
    "a.b.c",
    ".e30.",
    "e30.e30.e30",
    "W10.e30.",
    "bnVsbA..",
    "jtn_0123456789012345678901234567890123456789012345678",
    "eyJhbGciOiJub25lIn0",
    "eyJhbGciOiJub25lIn0.e30",
    "eyJhbGciOiJub25lIn0.e30..",
    "eyJhbGciOiJub25lIn0.e30...",
    "eyJhbGciOiJub25lIn1.e30.",
    "eyJhbGciOiJub25lIn0=.e30.",
    "eyJhbGciOiJub25lIn0.e30=.",
    " eyJhbGciOiJub25lIn0.e30.",
    "eyJhbGciOiJub25lIn0.e30.\n",
    "eyJhbGciOiJub25lIn0 .e30.",
    "eyJhbGciOiJub25lIn0.e+0.",
    "eyJhbGciOiJub25lIn0.e/0.",
    "eyJhbGciOiJub25lIn0.e\x80.",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
};

static const char *const not_jwt_headers[] = {
    "{\"typ\":\"JWT\"}",
    "{\"alg\":\"EdDSA\"} x",
    "{\"alg\":\"EdDSA\"},{}",
    "{\"alg\":\"EdDSA\"}]",
    "{\"alg\":\"EdDSA\"}],[",
    "[{\"alg\":\"EdDSA\"}]",
    "\"alg\"",
    "{\"alg\":\"EdDSA\"",
    "\"],{\"alg\":\"EdDSA\"}",
    "{\"alg\":\"EdDSA\",}",
    "{alg:\"EdDSA\"}",
    "\xef\xbb\xbf{\"alg\":\"EdDSA\"}",
    "{\"alg\":\"EdDSA\",\"x\":\"\xff\"}",
    "",
};

static void other_values_are_ignored(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(not_jwts) / sizeof(not_jwts[0]); i++)
        assert_int_equal(ask(verifier, not_jwts[i]), JETON_VERIFIER_IGNORE);
    for (size_t i = 0; i < sizeof(not_jwt_headers) / sizeof(not_jwt_headers[0]); i++)
        assert_int_equal(ask(verifier, jwt_with(&ed, not_jwt_headers[i], "{" CLAIMS "}")),
                         JETON_VERIFIER_IGNORE);
    assert_int_equal(ask_bytes(verifier, "eyJhbGciOiJub25lIn0.\0.", 22, NOW),
                     JETON_VERIFIER_IGNORE);
}

static void a_value_is_verified_up_to_the_size_limit(void **state)
{
    (void)state;
    static char claims[6400];

    for (int fill = 5970; fill < 6020; fill++) { /* around 8192 bytes */
        int len = snprintf(claims, sizeof(claims), "{" CLAIMS ",\"x\":\"%*s\"}", fill, "");
        assert_true(len < (int)sizeof(claims));
        char *value = jwt(&ed, claims);
        assert_int_equal(ask(verifier, value),
                         strlen(value) <= 8192 ? JETON_VERIFIER_PASS : JETON_VERIFIER_IGNORE);
    }
}

/* -- the algorithm ----------------------------------------------------------------------------- */

static void only_configured_algorithms_are_accepted(void **state)
{
    (void)state;
    static const char *const names[] = {
        "none",  "None",  "NONE",  "nOnE",  "none ",    "",       "HS384",
        "HS512", "RS1",   "RS384", "PS256", "ES512",    "ES256K", "eddsa",
        "rs256", "hs256", "Ed448", "dir",   "RSA-OAEP", "A128KW",
    };
    char header[64];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", names[i]);
        assert_true(unknown(add_signature(signing_input(header, "{" CLAIMS "}"), "", 0)));
        assert_true(unknown(jwt_with(&rsa, header, "{" CLAIMS "}")));
        assert_true(unknown(jwt_with(&ed, header, "{" CLAIMS "}")));
    }
    assert_true(malformed(jwt_with(&ed, "{\"alg\":null}", "{" CLAIMS "}")));
    assert_true(malformed(jwt_with(&ed, "{\"alg\":[\"EdDSA\"]}", "{" CLAIMS "}")));
    assert_true(malformed(jwt_with(&ed, "{\"alg\":0}", "{" CLAIMS "}")));
}

static void refuses_public_key_as_secret(void *instance, const char *claims)
{
    static const char header[] = "{\"alg\":\"HS256\"}";
    gnutls_datum_t pem, der, n, e;

    gnutls_pubkey_export2(rsa.public, GNUTLS_X509_FMT_PEM, &pem);
    gnutls_pubkey_export2(rsa.public, GNUTLS_X509_FMT_DER, &der);
    gnutls_pubkey_export_rsa_raw(rsa.public, &n, &e);
    const gnutls_datum_t forms[] = { pem, { pem.data, pem.size - 1 }, der, n,
                                     e,   { (unsigned char *)"", 0 } };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char *value = jwt_by_secret(forms[i].data, forms[i].size, header, claims);
        assert_true(refuses(instance, value, JETON_REASON_UNKNOWN, ""));
    }
    gnutls_free(pem.data), gnutls_free(der.data), gnutls_free(n.data), gnutls_free(e.data);
}

static void a_public_key_is_never_an_hmac_secret(void **state)
{
    (void)state;
    void *only_rsa = open_with("key=%s" USUAL, rsa.path);

    refuses_public_key_as_secret(verifier, "{" CLAIMS "}");
    refuses_public_key_as_secret(only_rsa, "{" CLAIMS "}");
    assert_int_equal(ask(verifier, jwt_by_secret(secret, sizeof(secret), "{\"alg\":\"HS256\"}",
                                                 "{" CLAIMS "}")),
                     JETON_VERIFIER_PASS);
    module->close(only_rsa);
}

static void an_algorithm_is_tied_to_its_curve(void **state)
{
    (void)state;
    struct signer p384 = make_signer("ES384", "p384");
    void *v = open_with("key=%s algorithms=ES256,ES384" USUAL, p384.path);

    assert_int_equal(ask(v, jwt(&p384, "{" CLAIMS "}")), JETON_VERIFIER_PASS);
    assert_int_equal(ask(v, jwt_with(&p384, "{\"alg\":\"ES256\"}", "{" CLAIMS "}")),
                     JETON_VERIFIER_FAIL);
    uint8_t signature[1024];
    gnutls_datum_t made, r, s;
    char *value = signing_input("{\"alg\":\"ES256\"}", "{" CLAIMS "}");
    gnutls_datum_t text = { (unsigned char *)value, (unsigned)strlen(value) };
    gnutls_privkey_sign_data2(p384.private, GNUTLS_SIGN_ECDSA_SHA256, 0, &text, &made);
    gnutls_decode_rs_value(&made, &r, &s);
    put_number(signature, 48, r), put_number(signature + 48, 48, s);
    assert_true(refuses(v, add_signature(value, signature, 96), JETON_REASON_UNKNOWN, ""));
    gnutls_free(made.data), gnutls_free(r.data), gnutls_free(s.data);
    module->close(v);
    free_signer(&p384);
}

/* -- the header -------------------------------------------------------------------------------- */

static void keys_in_the_header_are_ignored(void **state)
{
    (void)state;
    gnutls_ecc_curve_t curve;
    gnutls_datum_t x;
    char number[JWT_SIZE], header[512];

    gnutls_pubkey_export_ecc_raw(stranger.public, &curve, &x, NULL);
    base64url(number, x.data, x.size);
    gnutls_free(x.data);
    snprintf(header, sizeof(header),
             "{\"alg\":\"EdDSA\",\"jwk\":{\"kty\":\"OKP\","
             "\"crv\":\"Ed25519\",\"x\":\"%.60s\"},\"x5c\":[\"%.60s\"]}",
             number, number);
    assert_true(unknown(jwt_with(&stranger, header, "{" CLAIMS "}")));
    assert_int_equal(ask(verifier, jwt_with(&ed, header, "{" CLAIMS "}")), JETON_VERIFIER_PASS);
}

static void no_url_is_fetched(void **state)
{
    (void)state;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    char header[256], set[512];

    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 5), 0);
    getsockname(listener, (struct sockaddr *)&address, &len);
    int port = ntohs(address.sin_port);
    snprintf(header, sizeof(header),
             "{\"alg\":\"EdDSA\",\"jku\":\"http://127.0.0.1:%d/j\","
             "\"x5u\":\"http://127.0.0.1:%d/x\"}",
             port, port);
    assert_true(unknown(jwt_with(&stranger, header, "{" CLAIMS "}")));
    assert_int_equal(ask(verifier, jwt_with(&ed, header, "{" CLAIMS "}")), JETON_VERIFIER_PASS);
    snprintf(set, sizeof(set),
             "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
             "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\","
             "\"x5u\":\"http://127.0.0.1:%d/k\"}]}",
             port);
    void *v = open_with("jwks=%s" USUAL, write_text("x5u.jwks", set));
    assert_int_equal(ask(v, jwt(&stranger, "{" CLAIMS "}")), JETON_VERIFIER_FAIL);
    module->close(v);
    assert_int_equal(accept(listener, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    close(listener);
}

static void a_kid_only_selects_a_key(void **state)
{
    (void)state;
    static const char *const kids[] = {
        "../../../../dev/null", "/dev/null", "' OR '1'='1", "|id", "", "a", "%s%s%n",
        "http://127.0.0.1/"
    };
    static char header[5200];

    for (size_t i = 0; i < sizeof(kids) / sizeof(kids[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%s\"}", kids[i]);
        assert_true(unknown(jwt_by_secret("", 0, header, "{" CLAIMS "}")));
        assert_true(unknown(jwt_by_secret("\0", 1, header, "{" CLAIMS "}")));
    }
    snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%05000d\"}", 0);
    assert_true(unknown(jwt_with(&stranger, header, "{" CLAIMS "}")));
    assert_true(malformed(jwt_with(&ed, "{\"alg\":\"EdDSA\",\"kid\":1}", "{" CLAIMS "}")));
    assert_true(malformed(jwt_with(&ed, "{\"alg\":\"EdDSA\",\"kid\":null}", "{" CLAIMS "}")));
}

static void critical_extensions_are_refused(void **state)
{
    (void)state;
    static const char *const values[] = { "[\"exp\"]", "[]", "null", "[\"b64\"],\"b64\":false" };
    char header[128];

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"crit\":%s}", values[i]);
        assert_true(refuses(verifier, jwt_with(&ed, header, "{" CLAIMS "}"), JETON_REASON_UNKNOWN,
                            "crit"));
    }
    /* zip is ignored: the payload is never inflated */
    assert_int_equal(ask(verifier,
                         jwt_with(&ed, "{\"alg\":\"EdDSA\",\"zip\":\"DEF\"}", "{" CLAIMS "}")),
                     JETON_VERIFIER_PASS);
}

static void duplicate_names_are_refused(void **state)
{
    (void)state;
    assert_true(malformed(jwt_with(&ed, "{\"alg\":\"none\",\"alg\":\"EdDSA\"}", "{" CLAIMS "}")));
    assert_true(malformed(jwt_with(&ed, "{\"alg\":\"EdDSA\",\"x\":{\"a\":1,\"\\u0061\":2}}",
                                   "{}")));
    assert_true(refuses(verifier, jwt(&ed, "{" CLAIMS ",\"sub\":\"root\"}"), JETON_REASON_MALFORMED,
                        "claims"));
    assert_true(refuses(verifier, jwt(&ed, "{" CLAIMS ",\"x\":[{\"a\":1,\"a\":2}]}"),
                        JETON_REASON_MALFORMED, "claims"));
}

static void the_depth_of_json_is_limited(void **state)
{
    (void)state;
    static char claims[6000];

    for (int depth = 14; depth < 5000; depth = depth < 20 ? depth + 1 : depth * 3) {
        strcpy(claims, "{" CLAIMS ",\"q\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\",\"x\":");
        size_t len = strlen(claims);
        memset(claims + len, '[', (size_t)depth / 2);
        memset(claims + len + depth / 2, ']', (size_t)depth / 2);
        strcpy(claims + len + depth / 2 * 2, "}");
        assert_int_equal(ask(verifier, jwt(&ed, claims)),
                         depth / 2 < 16 ? JETON_VERIFIER_PASS : JETON_VERIFIER_FAIL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_values_are_ignored),
        cmocka_unit_test(a_value_is_verified_up_to_the_size_limit),
        cmocka_unit_test(only_configured_algorithms_are_accepted),
        cmocka_unit_test(a_public_key_is_never_an_hmac_secret),
        cmocka_unit_test(an_algorithm_is_tied_to_its_curve),
        cmocka_unit_test(keys_in_the_header_are_ignored),
        cmocka_unit_test(no_url_is_fetched),
        cmocka_unit_test(a_kid_only_selects_a_key),
        cmocka_unit_test(critical_extensions_are_refused),
        cmocka_unit_test(duplicate_names_are_refused),
        cmocka_unit_test(the_depth_of_json_is_limited),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, make_keys, free_keys);
}
