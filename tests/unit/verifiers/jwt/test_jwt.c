/* SPDX-License-Identifier: Apache-2.0 */
/* Accept valid JWTs. */
#include "tests/unit/support/jwt_maker.h"

#include <pthread.h>

/* -- RFC examples ------------------------------------------------------------------------------ */

#define JOE                                                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290" \
    "Ijp0cnVlfQ"

static const struct {
    const char *source, *jwk, *value;
    const char *message; /* NULL: it passes; else why it is refused after the signature */
} rfc_examples[] = {
    { "RFC 7515, A.2",
      "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0"
      "l8W26mPddxHmfHQp-Vaw"
      "-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0"
      "LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5Zw"
      "Kh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDT"
      "W9gb54h4FRWyuXpoQ\","
      "\"e\":\"AQAB\"}",
      "eyJhbGciOiJSUzI1NiJ9." JOE ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2Vt"
      "Qgr9PJbu3XOiZj5RZmh7"
      "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO7"
      "5vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf"
      "I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77"
      "Rw",
      NULL },
    { "RFC 7515, A.3",
      "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
      "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
      "eyJhbGciOiJFUzI1NiJ9." JOE ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXF"
      "CgfTjDxw5djxLa8ISlSA"
      "pmWQxfKTUJqPP3-Kg6NU1Q",
      NULL },
    { "RFC 7515, A.4",
      "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJX"
      "mPk06wTjxrrjcBpXp5EO"
      "nYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2T"
      "h-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}",
      "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-"
      "mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNr"
      "mxYbSW9ERBXukOXolLzeO_Jn",
      "claims are not a JSON object" },
    { "RFC 8037, A.4",
      "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0Jz"
      "lnLWG1PPOt7-09PGcvMg"
      "3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
      "claims are not a JSON object" },
};

/* Copy a value with one character of its signature changed. */
static char *tampered_copy(const char *value)
{
    char *tampered = strdup(value), *at = strrchr(tampered, '.') + 20;

    *at = *at == 'A' ? 'B' : 'A';
    return tampered;
}

static void rfc_examples_are_verified(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rfc_examples) / sizeof(rfc_examples[0]); i++) {
        char set[1024];
        snprintf(set, sizeof(set), "{\"keys\":[%s]}", rfc_examples[i].jwk);
        void *v = open_with("jwks=%s issuer=joe audience=* algorithms=RS256,ES256,ES512,EdDSA",
                            write_text("rfc.jwks", set));
        char *tampered = tampered_copy(rfc_examples[i].value);
        int outcome = ask_at(v, rfc_examples[i].value, 1300819379);
        if (rfc_examples[i].message == NULL) {
            assert_int_equal(outcome, JETON_VERIFIER_PASS);
            assert_string_equal(answer.identity.issuer, "joe");
            assert_int_equal(answer.identity.expires, 1300819380);
        } else {
            assert_int_equal(outcome, JETON_VERIFIER_FAIL);
            assert_non_null(strstr(answer.message, rfc_examples[i].message));
        }
        assert_true(refuses(v, tampered, JETON_REASON_UNKNOWN, "not signed by a key"));
        free(tampered);
        module->close(v);
    }
}

/* Examples of RFC 7515, A.1, which is also RFC 7519's; and RFC 7519's unsecured one. */
static void rfc_examples_of_hs256_and_none(void **state)
{
    (void)state;
    static const char value[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE
                                ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    static const char key[] =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    uint8_t bytes[64];
    size_t len;

    assert_int_equal(sodium_base642bin(bytes, sizeof(bytes), key, strlen(key), NULL, &len, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    const char *path = write_file("rfc.secret", bytes, len, 0600);
    void *v = open_with("secret=%s issuer=joe audience=* algorithms=HS256 typ=jwt", path);
    assert_int_equal(ask_at(v, value, 1300819379), JETON_VERIFIER_PASS);
    assert_true(refuses(v, value, JETON_REASON_EXPIRED, "expired"));
    char *tampered = tampered_copy(value);
    assert_int_equal(ask_at(v, tampered, 1300819379), JETON_VERIFIER_FAIL);
    assert_int_equal(answer.reason, JETON_REASON_UNKNOWN);
    free(tampered);
    assert_true(refuses(v, "eyJhbGciOiJub25lIn0." JOE ".", JETON_REASON_UNKNOWN, "algorithm"));
    module->close(v);
}

/* -- every algorithm --------------------------------------------------------------------------- */

static void every_algorithm_is_supported(void **state)
{
    (void)state;
    for (size_t i = 0; algorithms[i].bits != 1024; i++) {
        struct signer s = make_signer(algorithms[i].alg, "every");
        void *v = open_with("key=%s algorithms=%s" USUAL, s.path, algorithms[i].alg);
        assert_non_null(v);
        for (int times = 0; times < 20; times++) /* r and s of ECDSA vary in length */
            assert_int_equal(ask(v, jwt(&s, "{" CLAIMS "}")), JETON_VERIFIER_PASS);
        assert_string_equal(answer.identity.subject, "alice");
        char *tampered = tampered_copy(jwt(&s, "{" CLAIMS "}"));
        assert_true(refuses(v, tampered, JETON_REASON_UNKNOWN, "not signed by a key"));
        free(tampered);
        module->close(v);
        free_signer(&s);
    }
}

/* -- threads ----------------------------------------------------------------------------------- */

static const char *shared_values[3];

static void *verify_thousand_times(void *instance)
{
    size_t good = 0;

    for (int i = 0; i < 1000; i++) {
        struct jeton_answer a = { .identity.expires = JETON_VERIFIER_NEVER };
        const char *value = shared_values[i % 3];
        struct jeton_question q = { .value = value,
                                    .value_length = strlen(value) - (i % 5 == 0),
                                    .service = "other",
                                    .now = NOW };
        int outcome = module->verify(instance, &q, &a);
        good += outcome == (i % 5 == 0 ? JETON_VERIFIER_FAIL : JETON_VERIFIER_PASS);
    }
    return (void *)good;
}

static void two_threads_share_an_instance(void **state)
{
    (void)state;
    pthread_t other;
    void *good;

    shared_values[0] = jwt(&ed, "{" CLAIMS "}");
    shared_values[1] = jwt(&rsa, "{" CLAIMS "}");
    shared_values[2] = jwt(&ec, "{" CLAIMS "}");
    assert_int_equal(pthread_create(&other, NULL, verify_thousand_times, verifier), 0);
    assert_int_equal((size_t)verify_thousand_times(verifier), 1000);
    assert_int_equal(pthread_join(other, &good), 0);
    assert_int_equal((size_t)good, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_examples_are_verified),
        cmocka_unit_test(rfc_examples_of_hs256_and_none),
        cmocka_unit_test(every_algorithm_is_supported),
        cmocka_unit_test(two_threads_share_an_instance),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, make_keys, free_keys);
}
