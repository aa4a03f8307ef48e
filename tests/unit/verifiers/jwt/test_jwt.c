/* SPDX-License-Identifier: Apache-2.0 */
/* Accept valid JWTs, and validate their claims. */
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
            assert_int_equal(answer.identity.expires, 1300819380 + 30);
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

static int verify_claims(const char *claims)
{
    return ask(verifier, jwt(&ed, claims));
}

static bool refused(const char *claims, enum jeton_reason reason, const char *word)
{
    return refuses(verifier, jwt(&ed, claims), reason, word);
}

/* -- claims ------------------------------------------------------------------------------------ */

#define FROM "\"iss\":\"https://idp.example\","
#define FOR "\"aud\":\"api\","
#define END "\"exp\":1800000600"

static void issuer_and_audience_are_checked(void **state)
{
    (void)state;
    assert_int_equal(verify_claims("{" FROM "\"aud\":[\"web\",\"api\"]," END "}"),
                     JETON_VERIFIER_PASS);
    assert_string_equal(answer.identity.subject, "");
    assert_string_equal(answer.identity.issuer, "https://idp.example");
    assert_true(refused("{" FOR END "}", JETON_REASON_DENIED, "issuer"));
    assert_true(refused("{\"iss\":\"https://idp.example/\"," FOR END "}", JETON_REASON_DENIED,
                        "issuer"));
    assert_true(refused("{\"iss\":\"\"," FOR END "}", JETON_REASON_DENIED, "issuer"));
    assert_true(refused("{\"iss\":7," FOR END "}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" FROM END "}", JETON_REASON_DENIED, "audience"));
    assert_true(refused("{" FROM "\"aud\":\"*\"," END "}", JETON_REASON_DENIED, "audience"));
    assert_true(refused("{" FROM "\"aud\":[]," END "}", JETON_REASON_DENIED, "audience"));
    assert_true(refused("{" FROM "\"aud\":[\"api\",1]," END "}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" FROM "\"aud\":{\"api\":1}," END "}", JETON_REASON_MALFORMED, "claim"));
}

static const struct {
    const char *claims;
    int reason;
    int64_t retry_after;
} times[] = {
    { "\"exp\":1799999971", 0, 0 }, /* 30 seconds of leeway */
    { "\"exp\":1799999970", JETON_REASON_EXPIRED, 0 },
    { "\"exp\":1799999970.999", JETON_REASON_EXPIRED, 0 },
    { "\"exp\":1.800000001e9", 0, 0 },
    { "\"exp\":-1", JETON_REASON_EXPIRED, 0 },
    { "\"exp\":0", JETON_REASON_EXPIRED, 0 },
    { "\"exp\":253402300799", 0, 0 },
    { "\"exp\":253402300800", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":9223372036854775807", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":9223372036854775808", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":-9223372036854775808", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":1e300", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":-1e300", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":1e400", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":\"1800000600\"", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":null", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":true", JETON_REASON_MALFORMED, 0 },
    { "\"iat\":1", JETON_REASON_DENIED, 0 }, /* no exp */
    { END ",\"iat\":1800009999", 0, 0 },
    { END ",\"iat\":\"now\"", JETON_REASON_MALFORMED, 0 },
    { END ",\"nbf\":1800000030", 0, 0 },
    { END ",\"nbf\":1800000031", JETON_REASON_PENDING, 1 },
    { END ",\"nbf\":1800000030.001", JETON_REASON_PENDING, 1 },
    { END ",\"nbf\":253402300799", JETON_REASON_PENDING, 365 * 86400 },
    { END ",\"nbf\":-253402300799", 0, 0 },
    { END ",\"nbf\":1e30", JETON_REASON_MALFORMED, 0 },
    { END ",\"nbf\":[]", JETON_REASON_MALFORMED, 0 },
    { "\"exp\":1,\"nbf\":1900000000", JETON_REASON_EXPIRED, 0 },
};

static void exp_nbf_and_iat_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char claims[256];
        snprintf(claims, sizeof(claims), "{" FROM FOR "%s}", times[i].claims);
        int outcome = verify_claims(claims);
        assert_int_equal(outcome, times[i].reason == 0 ? JETON_VERIFIER_PASS : JETON_VERIFIER_FAIL);
        assert_int_equal(answer.reason, times[i].reason);
        assert_int_equal(answer.retry_after, times[i].retry_after);
    }
    char *value = jwt(&ed, "{" CLAIMS ",\"nbf\":1800000600}");
    ask_at(verifier, value, INT64_MIN);
    assert_int_equal(answer.retry_after, 365 * 86400);
    ask_at(verifier, value, INT64_MAX);
    assert_int_equal(answer.reason, JETON_REASON_EXPIRED);
}

static void claims_become_an_identity(void **state)
{
    (void)state;
    char claims[2048], text[300];

    assert_int_equal(verify_claims("{" CLAIMS
                                   ",\"jti\":\"t-1\",\"scope\":\"read  write read w?r a,b\"}"),
                     JETON_VERIFIER_PASS);
    assert_true(answer.has_identity);
    assert_string_equal(answer.identity.id, "t-1");
    assert_string_equal(answer.identity.scopes, "read,write");
    assert_int_equal(answer.identity.expires, 1800000630);
    assert_int_equal(verify_claims("{" CLAIMS ",\"scope\":[\"b\",\"a\",\"has space\",\"\"]}"), 0);
    assert_string_equal(answer.identity.scopes, "a,b");
    assert_int_equal(verify_claims("{" CLAIMS "}"), JETON_VERIFIER_PASS);
    assert_string_equal(answer.identity.scopes, "");
    assert_true(refused("{" CLAIMS ",\"scope\":7}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" CLAIMS ",\"scope\":[7]}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" CLAIMS ",\"jti\":7}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" FROM FOR END ",\"sub\":7}", JETON_REASON_MALFORMED, "claim"));
    assert_true(refused("{" FROM FOR END ",\"sub\":\"a\\nb\"}", JETON_REASON_DENIED, "subject"));
    assert_true(refused("{" FROM FOR END ",\"sub\":\"\\u009b1m\"}", JETON_REASON_DENIED,
                        "subject"));
    assert_true(refused("{" FROM FOR END ",\"sub\":\"a\\u0000b\"}", JETON_REASON_MALFORMED,
                        "claims"));
    for (int len = 256; len <= 257; len++) {
        memset(text, 'x', sizeof(text));
        snprintf(claims, sizeof(claims), "{" FROM FOR END ",\"sub\":\"%.*s\",\"jti\":\"%.64s\"}",
                 len, text, text);
        assert_int_equal(verify_claims(claims),
                         len == 256 ? JETON_VERIFIER_PASS : JETON_VERIFIER_FAIL);
    }
    assert_string_equal(answer.identity.id, "");
    strcpy(claims, "{" CLAIMS ",\"scope\":\"");
    for (int i = 0; i < 33; i++)
        sprintf(claims + strlen(claims), "s%d ", i);
    assert_true(refused(strcat(claims, "\"}"), JETON_REASON_DENIED, "32 scopes"));
}

static void arguments_change_the_policy(void **state)
{
    (void)state;
    void *v = open_with("key=%s issuer=* audience=* leeway=0s require_exp=no subject_claim=email "
                        "scopes_claim=scp id_claim=uti typ=at+jwt",
                        ed.path);
    const char *claims = "{\"email\":\"a@b.c\",\"scp\":\"x\",\"uti\":\"u\",\"sub\":7}";

    assert_int_equal(ask(v, jwt_with(&ed, "{\"alg\":\"EdDSA\",\"typ\":\"Application/AT+JWT\"}",
                                     claims)),
                     JETON_VERIFIER_PASS);
    assert_string_equal(answer.identity.subject, "a@b.c");
    assert_string_equal(answer.identity.scopes, "x");
    assert_string_equal(answer.identity.id, "u");
    assert_string_equal(answer.identity.issuer, "");
    assert_true(answer.identity.expires == JETON_VERIFIER_NEVER);
    assert_true(refuses(v, jwt(&ed, claims), JETON_REASON_DENIED, "type"));
    assert_true(refuses(v, jwt_with(&ed, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", claims),
                        JETON_REASON_DENIED, "type"));
    assert_true(
        refuses(v, jwt_with(&ed, "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}", "{\"exp\":1800000000}"),
                JETON_REASON_EXPIRED, "expired"));
    module->close(v);
}

static void an_earlier_identity_is_narrowed(void **state)
{
    (void)state;
    struct jeton_identity earlier = {
        .expires = NOW + 10, .id = "first", .subject = "alice", .scopes = "a,b,c"
    };

    question.identity = &earlier;
    assert_int_equal(verify_claims("{" CLAIMS ",\"jti\":\"t\",\"scope\":\"d b a\"}"),
                     JETON_VERIFIER_PASS);
    assert_string_equal(answer.identity.scopes, "a,b");
    assert_string_equal(answer.identity.id, "first");
    assert_int_equal(answer.identity.expires, NOW + 10);
    earlier.expires = JETON_VERIFIER_NEVER;
    assert_int_equal(verify_claims("{" CLAIMS "}"), JETON_VERIFIER_PASS);
    assert_int_equal(answer.identity.expires, 1800000630);
    assert_string_equal(answer.identity.scopes, "");
    strcpy(earlier.subject, "bob");
    assert_true(refused("{" CLAIMS "}", JETON_REASON_DENIED, "somebody else"));
}

static int drop_identity(void **state)
{
    (void)state;
    question.identity = NULL;
    return 0;
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
        cmocka_unit_test(issuer_and_audience_are_checked),
        cmocka_unit_test(exp_nbf_and_iat_are_checked),
        cmocka_unit_test(claims_become_an_identity),
        cmocka_unit_test(arguments_change_the_policy),
        cmocka_unit_test_teardown(an_earlier_identity_is_narrowed, drop_identity),
        cmocka_unit_test(two_threads_share_an_instance),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, make_keys, free_keys);
}
