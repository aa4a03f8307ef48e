/* SPDX-License-Identifier: Apache-2.0 */
/* Check the arguments of the JWT verifier, its key files, keys and key sets. */
#include "tests/unit/support/jwt_maker.h"

/* Expect that open() failed with a message that contains `word`. */
static bool open_failed(void *instance, const char *word)
{
    if (instance == NULL && strstr(problem, word) != NULL)
        return true;
    fprintf(stderr, "expected %s: %s\n", word, instance != NULL ? "it opened" : problem);
    return false;
}

static void opens(void *instance)
{
    if (instance == NULL)
        fprintf(stderr, "%s\n", problem);
    assert_non_null(instance);
    module->close(instance);
}

/* -- arguments --------------------------------------------------------------------------------- */

static void arguments_are_checked(void **state)
{
    (void)state;
    const char *good = path_of("secret");
    static const struct {
        const char *arguments, *word;
    } cases[] = {
        { "audience=api", "issuer= is missing" },
        { "issuer=i", "audience= is missing" },
        { "issuer=i audience=", "audience=" },
        { "issuer=* issuer=i audience=api", "issuer=" },
        { "issuer=i audience=api audience=*", "audience=" },
        { "issuer=i audience=api leeway=6m", "0s to 5m" },
        { "issuer=i audience=api leeway=-1s", "0s to 5m" },
        { "issuer=i audience=api algorithms=none", "RS256" },
        { "issuer=i audience=api algorithms=RS256,none", "RS256" },
        { "issuer=i audience=api algorithms=", "RS256" },
        { "issuer=i audience=api algorithms=RS256,", "RS256" },
        { "issuer=i audience=api algorithms=HS512", "RS256" },
        { "issuer=i audience=api algorithms=RS256,HS256", "secret=FILE" },
        { "issuer=i audience=api require_exp=maybe", "yes or no" },
        { "issuer=i audience=api typ=", "typ=" },
        { "issuer=i audience=api isuer=j", "no argument isuer=" },
        { "issuer=i audience=api leeway=1s leeway=2s", "leeway= is given twice" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(open_failed(open_with("key=%s %s", ed.path, cases[i].arguments),
                                cases[i].word));
    assert_true(open_failed(open_with(USUAL), "there is no key"));
    assert_true(open_failed(open_with("key=%s secret=%s" USUAL, ed.path, good), "does not name"));
    assert_true(open_failed(open_with("secret=%s algorithms=RS256" USUAL, good), "does not name"));
    opens(open_with("secret=%s algorithms=HS256" USUAL, good));
    opens(open_with("key=%s leeway=5m" USUAL, ed.path));
}

/* -- files ------------------------------------------------------------------------------------- */

static void files_are_checked(void **state)
{
    (void)state;
    static char large[(1 << 20) + 1];
    const char *text = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    const char *path = write_text("file.pem", text);

    assert_true(open_failed(open_with("key=/nowhere" USUAL), "key=/nowhere: No such file"));
    assert_true(open_failed(open_with("key=%s" USUAL, directory), "not a regular file"));
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_true(open_failed(open_with("key=%s" USUAL, path_of("fifo")), "not a regular file"));
    assert_true(open_failed(open_with("jwks=/dev/zero" USUAL), "not a regular file"));
    assert_true(open_failed(open_with("key=%s" USUAL, path), "cannot be read"));
    chmod(path, 0664);
    assert_true(open_failed(open_with("key=%s" USUAL, path), "chmod go-w"));
    chmod(path, 0646);
    assert_true(open_failed(open_with("jwks=%s" USUAL, path), "chmod go-w"));
    if (geteuid() == 0) {
        chmod(path, 0644);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_true(open_failed(open_with("key=%s" USUAL, path), "must belong to root"));
    }
    path = write_file("large", large, sizeof(large), 0644);
    assert_true(open_failed(open_with("key=%s" USUAL, path), "1 MiB"));
    path = write_file("large", large, sizeof(large) - 1, 0644);
    assert_true(open_failed(open_with("key=%s" USUAL, path), "PEM"));
    assert_true(open_failed(open_with("key=%s" USUAL, write_text("empty", "")), "PEM"));
    assert_true(open_failed(open_with("jwks=%s" USUAL, path_of("empty")), "JSON Web Key Set"));
}

static void secrets_are_checked(void **state)
{
    (void)state;
    static const char usual[] = "secret=%s algorithms=HS256" USUAL;
    uint8_t bytes[1025];

    memset(bytes, 'x', sizeof(bytes));
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 32, 0644)), "chmod o-r"));
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 31, 0600)), "too weak"));
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 0, 0600)), "too weak"));
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 1025, 0600)), "too large"));
    opens(open_with(usual, write_file("s", bytes, 32, 0640)));
    opens(open_with(usual, write_file("s", bytes, 1024, 0600)));
    bytes[40] = '\n';
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 41, 0600)), "newline"));
    bytes[0] = 0; /* not a line of text: all bytes count */
    opens(open_with(usual, write_file("s", bytes, 41, 0600)));
}

/* -- PEM --------------------------------------------------------------------------------------- */

static gnutls_datum_t certificate_of(const struct signer *s)
{
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
    gnutls_datum_t pem;

    gnutls_privkey_export_x509(s->private, &key);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "\1", 1);
    gnutls_x509_crt_set_activation_time(certificate, 1);
    gnutls_x509_crt_set_expiration_time(certificate, 2);
    gnutls_x509_crt_set_key(certificate, key);
    assert_int_equal(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), 0);
    gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
    return pem;
}

static void a_certificate_counts_as_its_key(void **state)
{
    (void)state;
    gnutls_datum_t pem = certificate_of(&ec);
    char two[8192];

    void *v = open_with("key=%s" USUAL, write_file("ec.crt", pem.data, pem.size, 0644));
    assert_int_equal(ask(v, jwt(&ec, "{" CLAIMS "}")), JETON_VERIFIER_PASS);
    module->close(v);
    snprintf(two, sizeof(two), "%s%s", (char *)pem.data, (char *)pem.data);
    assert_true(open_failed(open_with("key=%s" USUAL, write_text("two.crt", two)),
                            "more than one"));
    snprintf(two, sizeof(two), "Bag Attributes\r\n  friendlyName: x\r\n%s", (char *)pem.data);
    opens(open_with("key=%s" USUAL, write_text("bag.crt", two)));
    gnutls_free(pem.data);
}

static void unsuitable_keys_are_refused(void **state)
{
    (void)state;
    struct signer weak = make_signer("weak", "weak"), p384 = make_signer("ES384", "p384");
    const char *private = write_file("private.pem", ec.private_pem.data, ec.private_pem.size, 0600);

    assert_true(open_failed(open_with("key=%s" USUAL, weak.path), "2048 bits"));
    assert_true(open_failed(open_with("key=%s" USUAL, private), "private key"));
    assert_true(open_failed(
        open_with(
            "key=%s" USUAL,
            write_text("old.pem",
                       "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n")),
        "openssl rsa"));
    assert_true(open_failed(open_with("key=%s" USUAL, p384.path), "(P-384) is for ES384"));
    assert_true(open_failed(open_with("key=%s algorithms=RS512" USUAL, ed.path), "EdDSA"));
    assert_true(open_failed(
        open_with(
            "key=%s" USUAL,
            write_text(
                "x25519.pem",
                "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n"
                "-----END PUBLIC KEY-----\n")),
        "this"));
    free_signer(&weak);
    free_signer(&p384);
}

/* -- key sets ---------------------------------------------------------------------------------- */

static const char *jwk_of(const struct signer *s, const char *more)
{
    static char jwks[4][2048];
    static unsigned next;
    char *jwk = jwks[next++ % 4], first[1024], second[128] = "";
    gnutls_datum_t x = { NULL, 0 }, y = { NULL, 0 };
    gnutls_ecc_curve_t curve;
    uint8_t padded[64];

    if (s->algorithm->pk == GNUTLS_PK_RSA)
        gnutls_pubkey_export_rsa_raw(s->public, &x, &y);
    else
        gnutls_pubkey_export_ecc_raw(s->public, &curve, &x, &y);
    if (s->algorithm->half > 0) {
        put_number(padded, 32, x), put_number(padded + 32, 32, y);
        base64url(first, padded, 32), base64url(second, padded + 32, 32);
        snprintf(jwk, 2048, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s}", first,
                 second, more);
    } else if (y.size > 0) { /* with a zero in front of n, as many files have it */
        base64url(first, x.data, x.size), base64url(second, y.data, y.size);
        snprintf(jwk, 2048, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", first, second, more);
    } else {
        base64url(first, x.data, x.size);
        snprintf(jwk, 2048, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"%s}", first, more);
    }
    gnutls_free(x.data), gnutls_free(y.data);
    return jwk;
}

__attribute__((format(printf, 1, 2))) static const char *set_of(const char *format, ...)
{
    char keys[16384], set[16400];
    va_list args;

    va_start(args, format);
    vsnprintf(keys, sizeof(keys), format, args);
    va_end(args);
    snprintf(set, sizeof(set), "{\"keys\":[%s]}", keys);
    return write_text("set.jwks", set);
}

static void *open_set(const char *path)
{
    return open_with("jwks=%s" USUAL, path);
}

static void a_kid_selects_among_keys(void **state)
{
    (void)state;
    void *v = open_with("jwks=%s key=%s" USUAL,
                        set_of("%s,%s", jwk_of(&ed, ",\"kid\":\"a\""),
                               jwk_of(&stranger, ",\"kid\":\"b\"")),
                        ec.path);
    static const struct {
        const struct signer *by;
        const char *header;
        bool good;
    } cases[] = {
        { &ed, "{\"alg\":\"EdDSA\"}", true },
        { &ed, "{\"alg\":\"EdDSA\",\"kid\":\"a\"}", true },
        { &ed, "{\"alg\":\"EdDSA\",\"kid\":\"b\"}", false },
        { &ed, "{\"alg\":\"EdDSA\",\"kid\":\"c\"}", false },
        { &ed, "{\"alg\":\"EdDSA\",\"kid\":\"A\"}", false },
        { &ed, "{\"alg\":\"EdDSA\",\"kid\":\"\"}", false },
        { &stranger, "{\"alg\":\"EdDSA\"}", true },
        { &stranger, "{\"alg\":\"EdDSA\",\"kid\":\"b\"}", true },
        { &ec, "{\"alg\":\"ES256\"}", true },
        { &ec, "{\"alg\":\"ES256\",\"kid\":\"z\"}", true }, /* a key from PEM has no kid */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(ask(v, jwt_with(cases[i].by, cases[i].header, "{" CLAIMS "}")),
                         cases[i].good ? JETON_VERIFIER_PASS : JETON_VERIFIER_FAIL);
    module->close(v);
}

static void tried_keys_are_limited(void **state)
{
    (void)state;
    struct signer s[9];
    char keys[16384] = "", more[32];

    for (int i = 0; i < 9; i++) {
        s[i] = make_signer("EdDSA", "many");
        snprintf(more, sizeof(more), ",\"kid\":\"%d\"", i);
        snprintf(keys + strlen(keys), 512, "%s%s", i > 0 ? "," : "", jwk_of(&s[i], more));
    }
    void *v = open_set(set_of("%s", keys));
    assert_int_equal(ask(v, jwt(&s[7], "{" CLAIMS "}")), JETON_VERIFIER_PASS);
    assert_int_equal(ask(v, jwt(&s[8], "{" CLAIMS "}")), JETON_VERIFIER_FAIL);
    assert_int_equal(ask(v, jwt_with(&s[8], "{\"alg\":\"EdDSA\",\"kid\":\"8\"}", "{" CLAIMS "}")),
                     JETON_VERIFIER_PASS);
    module->close(v);
    for (int i = 0; i < 9; i++)
        free_signer(&s[i]);
    for (int i = 0; i < 33; i++)
        snprintf(keys + (i > 0 ? strlen(keys) : 0), 512, "%s%s", i > 0 ? "," : "", jwk_of(&ed, ""));
    assert_true(open_failed(open_set(set_of("%s", keys)), "32 keys"));
}

static void keys_for_other_uses_are_skipped(void **state)
{
    (void)state;
    static const char *const others[] = {
        ",\"use\":\"enc\"",      ",\"key_ops\":[\"encrypt\"]", ",\"key_ops\":[]",
        ",\"alg\":\"RSA-OAEP\"", ",\"alg\":\"RS512\"",
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_true(open_failed(open_set(set_of("%s", jwk_of(&rsa, others[i]))), "no key in it"));
        void *v = open_set(set_of("%s,%s", jwk_of(&rsa, others[i]),
                                  jwk_of(&ec, ",\"use\":\"sig\"")));
        assert_int_equal(ask(v, jwt(&rsa, "{" CLAIMS "}")), JETON_VERIFIER_FAIL);
        assert_int_equal(ask(v, jwt(&ec, "{" CLAIMS "}")), JETON_VERIFIER_PASS);
        module->close(v);
    }
    opens(open_set(set_of("%s,{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"\"},{\"kty\":\"new\"},"
                          "{\"kty\":\"EC\",\"crv\":\"secp256k1\"},"
                          "{\"kty\":\"EC\",\"crv\":\"Ed25519\"}",
                          jwk_of(&rsa, ",\"key_ops\":[\"verify\"],\"x5c\":[\"AAAA\"]"))));
    /* a key's own alg holds even if algorithms= accepts more */
    void *v = open_with("jwks=%s algorithms=RS256,PS256" USUAL,
                        set_of("%s", jwk_of(&rsa, ",\"alg\":\"PS256\"")));
    assert_int_equal(ask(v, jwt(&rsa, "{" CLAIMS "}")), JETON_VERIFIER_FAIL);
    module->close(v);
}

static void invalid_key_sets_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key, *word;
    } cases[] = {
        { "7", "kty is missing" },
        { "{}", "kty is missing" },
        { "{\"kty\":1}", "kty is missing" },
        { "{\"kty\":\"oct\",\"k\":\"AAAA\"}", "secret" },
        { "{\"kty\":\"oct\"}", "secret" },
        { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\",\"d\":\"AA\"}", "private" },
        { "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "2048 bits" },
        { "{\"kty\":\"RSA\",\"n\":\"AQAB\"}", "missing" },
        { "{\"kty\":\"RSA\",\"n\":\"AQ==\",\"e\":\"AQAB\"}", "base64url" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}", "curve" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
          "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\"}",
          "base64url" },
        { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
          "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\"}",
          "curve" },
        { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}", "length" },
        { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
          "\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
          "small order" },
        { "{\"kty\":\"OKP\",\"kty\":\"OKP\"}", "two members" },
    };
    char text[1024];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(open_failed(open_set(set_of("%s", cases[i].key)), cases[i].word));
    assert_true(open_failed(open_set(set_of(" ")), "no key in it"));
    assert_true(open_failed(open_set(set_of("%s", jwk_of(&ec, ",\"alg\":\"EdDSA\""))), "its alg"));
    assert_true(open_failed(open_set(set_of("%s", jwk_of(&ec, ",\"kid\":7"))), "its kid"));
    snprintf(text, sizeof(text), ",\"kid\":\"%0257d\"", 0);
    assert_true(open_failed(open_set(set_of("%s", jwk_of(&ec, text))), "its kid"));
    assert_true(open_failed(open_set(write_text("one.jwk", jwk_of(&ec, ""))), "JSON Web Key Set"));
    assert_true(open_failed(open_set(ec.path), "JSON Web Key Set"));
}

/* With an exponent of 1 the padded digest is its own signature. */
static void weak_exponents_are_refused(void **state)
{
    (void)state;
    static const char *const exponents[] = { "AQ", "AA", "Ag", "AAE", "AQAAAAAAAAAB" };
    gnutls_datum_t n, e;
    char number[1024];

    gnutls_pubkey_export_rsa_raw(rsa.public, &n, &e);
    for (size_t i = 0; i <= sizeof(exponents) / sizeof(exponents[0]); i++) {
        n.data[n.size - 1] ^= i == 5; /* the last case: an even modulus */
        base64url(number, n.data, n.size);
        assert_true(open_failed(open_set(set_of("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}",
                                                number, i < 5 ? exponents[i] : "AQAB")),
                                "this"));
    }
    gnutls_free(n.data), gnutls_free(e.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(files_are_checked),
        cmocka_unit_test(secrets_are_checked),
        cmocka_unit_test(a_certificate_counts_as_its_key),
        cmocka_unit_test(unsuitable_keys_are_refused),
        cmocka_unit_test(a_kid_selects_among_keys),
        cmocka_unit_test(tried_keys_are_limited),
        cmocka_unit_test(keys_for_other_uses_are_skipped),
        cmocka_unit_test(invalid_key_sets_are_refused),
        cmocka_unit_test(weak_exponents_are_refused),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, make_keys, free_keys);
}
