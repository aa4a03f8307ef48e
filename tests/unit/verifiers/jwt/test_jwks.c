/* SPDX-License-Identifier: Apache-2.0 */
/* Read JSON Web Key Sets, and select among their keys. */
#include "tests/unit/support/jwt_maker.h"

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

static void every_key_of_a_type_is_tried(void **state)
{
    (void)state;
    struct signer s[32];
    char keys[16384] = "", more[32];

    for (int i = 0; i < 32; i++) {
        s[i] = make_signer("EdDSA", "many");
        snprintf(more, sizeof(more), ",\"kid\":\"%d\"", i);
        snprintf(keys + strlen(keys), 512, "%s%s", i > 0 ? "," : "", jwk_of(&s[i], more));
    }
    void *v = open_set(set_of("%s", keys));
    for (int i = 0; i < 32; i++)
        assert_int_equal(ask(v, jwt(&s[i], "{" CLAIMS "}")), JETON_VERIFIER_PASS);
    assert_int_equal(ask(v, jwt_with(&s[31], "{\"alg\":\"EdDSA\",\"kid\":\"31\"}", "{" CLAIMS "}")),
                     JETON_VERIFIER_PASS);
    assert_int_equal(ask(v, jwt_with(&s[31], "{\"alg\":\"EdDSA\",\"kid\":\"8\"}", "{" CLAIMS "}")),
                     JETON_VERIFIER_FAIL);
    module->close(v);
    for (int i = 0; i < 32; i++)
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

static const struct {
    const char *key, *word;
} broken_keys[] = {
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
};

enum { BROKEN_KEYS = sizeof(broken_keys) / sizeof(broken_keys[0]) };

static void a_broken_key_is_ignored_with_a_warning(void **state)
{
    (void)state;
    char text[1024];

    may_warn = true;
    for (size_t i = 0; i < BROKEN_KEYS; i++) {
        void *v = open_set(set_of("%s,%s", jwk_of(&ed, ""), broken_keys[i].key));
        opens(v);
        v = open_set(set_of("%s,%s", broken_keys[i].key, jwk_of(&ed, "")));
        assert_non_null(v);
        assert_non_null(strstr(warning, "set.jwks: key 1 is ignored: "));
        assert_non_null(strstr(warning, broken_keys[i].word));
        assert_int_equal(ask(v, jwt(&ed, "{" CLAIMS "}")), JETON_VERIFIER_PASS);
        module->close(v);
    }
    opens(open_set(set_of("%s,{\"kty\":\"RSA\",\"kid\":\"last year's\"}", jwk_of(&ed, ""))));
    assert_non_null(strstr(warning, "key 2 (kid last year's) is ignored: "));
    snprintf(text, sizeof(text), "%s,{},{},{},{},{},{},{},{},{},{},{},{}", jwk_of(&ed, ""));
    opens(open_set(set_of("%s", text)));
    assert_non_null(strstr(warning, "key 2 is ignored"));
    assert_non_null(strstr(warning, " more"));
    may_warn = false;
}

static void key_sets_are_refused_only_if_no_key_is_left(void **state)
{
    (void)state;
    char text[1024], other[128];

    for (size_t i = 0; i < BROKEN_KEYS; i++)
        assert_true(open_failed(open_set(set_of("%s", broken_keys[i].key)), broken_keys[i].word));
    assert_true(open_failed(open_set(set_of(" ")), "no key in it"));
    assert_true(open_failed(open_set(set_of("%s", jwk_of(&ec, ",\"alg\":\"EdDSA\""))), "its alg"));
    assert_true(open_failed(open_set(set_of("%s", jwk_of(&ec, ",\"kid\":7"))), "its kid"));
    snprintf(text, sizeof(text), ",\"kid\":\"%0257d\"", 0);
    assert_true(open_failed(open_set(set_of("%s", jwk_of(&ec, text))), "its kid"));
    may_warn = true;
    snprintf(other, sizeof(other), "%s", write_text("empty.jwks", "{\"keys\":[]}"));
    opens(open_with("jwks=%s jwks=%s" USUAL, other, set_of("%s", jwk_of(&ed, ""))));
    assert_non_null(strstr(warning, "empty.jwks: no key in it"));
    opens(open_with("jwks=%s key=%s" USUAL, other, ed.path));
    assert_non_null(strstr(warning, "empty.jwks: no key in it"));
    may_warn = false;
}

static void files_that_are_no_key_sets_are_refused(void **state)
{
    (void)state;
    assert_true(open_failed(
        open_set(set_of("%s,{\"kty\":\"OKP\",\"kty\":\"OKP\"}", jwk_of(&ed, ""))), "two members"));
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
        cmocka_unit_test(a_kid_selects_among_keys),
        cmocka_unit_test(every_key_of_a_type_is_tried),
        cmocka_unit_test(keys_for_other_uses_are_skipped),
        cmocka_unit_test(a_broken_key_is_ignored_with_a_warning),
        cmocka_unit_test(key_sets_are_refused_only_if_no_key_is_left),
        cmocka_unit_test(files_that_are_no_key_sets_are_refused),
        cmocka_unit_test(weak_exponents_are_refused),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, make_keys, free_keys);
}
