/* SPDX-License-Identifier: Apache-2.0 */
/* Refuse invalid signatures and damaged JWTs, and report exhausted memory as an error. */
#include "tests/unit/support/jwt_maker.h"

#include <errno.h>

/* -- the signature ----------------------------------------------------------------------------- */

static void arbitrary_signatures_are_refused(void **state)
{
    (void)state;
    static const char *const headers[] = { "{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}",
                                           "{\"alg\":\"EdDSA\"}", "{\"alg\":\"HS256\"}" };
    static const size_t lengths[] = { 0,  1,  31,  32,  33,  63,  64,  65,
                                      70, 96, 132, 255, 256, 257, 512, 1024 };
    uint8_t bytes[1024];

    for (int fill = 0; fill < 256; fill += 51)
        for (size_t i = 0; i < 4 * (sizeof(lengths) / sizeof(lengths[0])); i++) {
            memset(bytes, fill, sizeof(bytes));
            assert_true(unknown(add_signature(signing_input(headers[i % 4], "{" CLAIMS "}"), bytes,
                                              lengths[i / 4])));
        }
    assert_true(malformed(strcat(signing_input(headers[0], "{}"), ".A")));
    assert_true(malformed(strcat(signing_input(headers[0], "{}"), ".AB")));
}

static const uint8_t p256_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t ed25519_order[32] = {
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,        0xd6,
    0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10,
};

static void zero_and_order_in_ecdsa_are_refused(void **state)
{
    (void)state;
    uint8_t zero[32] = { 0 }, one[32] = { [31] = 1 }, made[1024];
    const char *text = signing_input("{\"alg\":\"ES256\"}", "{" CLAIMS "}");
    assert_int_equal(sign(&ec, text, made), 64);
    const uint8_t *const halves[] = { zero, one, p256_order, made, made + 32 };

    for (size_t i = 0; i < 25; i++) {
        uint8_t signature[64];
        memcpy(signature, halves[i / 5], 32);
        memcpy(signature + 32, halves[i % 5], 32);
        char *value = signing_input("{\"alg\":\"ES256\"}", "{" CLAIMS "}");
        if (halves[i / 5] == made && halves[i % 5] == made + 32)
            assert_int_equal(ask(verifier, add_signature(value, signature, 64)), 0);
        else
            assert_true(unknown(add_signature(value, signature, 64)));
    }
}

static void ed25519_signatures_are_canonical(void **state)
{
    (void)state;
    uint8_t made[1024], zeros[64] = { 1 }; /* R is the neutral point, S is 0 */
    char *value = signing_input("{\"alg\":\"EdDSA\"}", "{" CLAIMS "}");

    assert_int_equal(sign(&ed, value, made), 64);
    sodium_add(made + 32, ed25519_order, 32);
    assert_true(unknown(add_signature(value, made, 64)));
    value = signing_input("{\"alg\":\"EdDSA\"}", "{" CLAIMS "}");
    assert_true(unknown(add_signature(value, zeros, 64)));
}

/* Make the other valid spelling of an ECDSA signature: (r, order - s). */
static void negate_s(uint8_t signature[64])
{
    uint8_t s[32];

    for (int i = 0; i < 32; i++)
        s[i] = p256_order[31 - i];
    for (int i = 0; i < 16; i++) {
        uint8_t byte = signature[32 + i];
        signature[32 + i] = signature[63 - i];
        signature[63 - i] = byte;
    }
    sodium_sub(s, signature + 32, 32);
    for (int i = 0; i < 32; i++)
        signature[32 + i] = s[31 - i];
}

static void ecdsa_signatures_have_one_spelling_with_low_s(void **state)
{
    (void)state;
    void *strict = open_with("key=%s low_s=yes" USUAL, ec.path);
    const char *header = "{\"alg\":\"ES256\"}", *claims = "{" CLAIMS ",\"jti\":\"t\"}";
    uint8_t made[1024], other[64];

    for (int i = 0; i < 16; i++) {
        char *value = signing_input(header, claims);
        assert_int_equal(sign(&ec, value, made), 64);
        for (int spelling = 0; spelling < 2; spelling++) {
            value = add_signature(signing_input(header, claims), made, 64);
            assert_int_equal(ask(verifier, value), JETON_VERIFIER_PASS);
            assert_string_equal(answer.identity.id, "t"); /* both have one name */
            memcpy(other, made, 64);
            negate_s(other);
            assert_int_equal(ask(strict, value), memcmp(made + 32, other + 32, 32) < 0 ?
                                                     JETON_VERIFIER_PASS :
                                                     JETON_VERIFIER_FAIL);
            memcpy(made, other, 64);
        }
    }
    module->close(strict);
}

/* A signature that is not below the modulus is the same number once more. */
static void rsa_signatures_are_below_the_modulus(void **state)
{
    (void)state;
    const char *header = "{\"alg\":\"RS256\"}";
    gnutls_datum_t n, e;
    unsigned tried = 0;

    gnutls_pubkey_export_rsa_raw(rsa.public, &n, &e);
    for (int i = 0; i < 64 && tried < 4; i++) {
        char claims[256];
        uint8_t made[1024];
        snprintf(claims, sizeof(claims), "{" CLAIMS ",\"jti\":\"%d\"}", i);
        assert_int_equal(sign(&rsa, signing_input(header, claims), made), 256);
        assert_int_equal(ask(verifier, add_signature(signing_input(header, claims), made, 256)), 0);
        unsigned carry = 0;
        for (int at = 255; at >= 0; at--) {
            carry += made[at] + n.data[n.size - 256 + (size_t)at];
            made[at] = (uint8_t)carry;
            carry >>= 8;
        }
        tried += carry == 0;
        if (carry == 0)
            assert_true(unknown(add_signature(signing_input(header, claims), made, 256)));
    }
    assert_true(tried > 0);
    gnutls_free(n.data), gnutls_free(e.data);
}

static void without_a_signature_no_reason_is_given(void **state)
{
    (void)state;
    static const char *const claims[] = {
        "{\"exp\":1}",       "{" CLAIMS ",\"nbf\":1900000000}", "{\"iss\":7}", "{}", "", "[",
        "{\"a\":1,\"a\":2}",
    };
    char first[sizeof(answer.message)] = "";

    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        assert_true(unknown(jwt(&stranger, claims[i])));
        if (i == 0)
            strcpy(first, answer.message);
        assert_string_equal(answer.message, first);
        assert_int_equal(answer.retry_after, 0);
        assert_false(unknown(jwt(&ed, claims[i])));
    }
}

/* -- tampering --------------------------------------------------------------------------------- */

static void tampered_and_cut_jwts_are_refused(void **state)
{
    (void)state;
    const char *const whole[] = {
        jwt(&ed, "{" CLAIMS "}"),
        jwt(&ec, "{" CLAIMS "}"),
        jwt(&rsa, "{" CLAIMS "}"),
        jwt_by_secret(secret, sizeof(secret), "{\"alg\":\"HS256\"}", "{" CLAIMS "}"),
    };

    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        char value[JWT_SIZE];
        size_t len = strlen(whole[i]);
        assert_int_equal(ask(verifier, strcpy(value, whole[i])), JETON_VERIFIER_PASS);
        for (size_t n = 0; n < len; n++) {
            int outcome = ask_bytes(verifier, value, n, NOW);
            assert_true(outcome == JETON_VERIFIER_FAIL || outcome == JETON_VERIFIER_IGNORE);
        }
        for (size_t bit = 0; bit < 8 * len; bit++) {
            value[bit / 8] ^= (char)(1 << bit % 8);
            int outcome = ask_bytes(verifier, value, len, NOW);
            assert_true(outcome == JETON_VERIFIER_FAIL || outcome == JETON_VERIFIER_IGNORE);
            value[bit / 8] ^= (char)(1 << bit % 8);
        }
        for (const char *more = "A=.- \n"; *more != '\0'; more++) {
            value[len] = *more;
            assert_int_not_equal(ask_bytes(verifier, value, len + 1, NOW), JETON_VERIFIER_PASS);
        }
    }
}

/* -- out of memory ----------------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
static unsigned fail_at;
enum { CAN_FAIL = 0 };
#else
static unsigned fail_at; /* this many malloc()s from now; 0: none fails */
enum { CAN_FAIL = 1 };

void *__libc_malloc(size_t size);
void *malloc(size_t size);
void *malloc(size_t size)
{
    if (fail_at == 0 || --fail_at > 0)
        return __libc_malloc(size);
    errno = ENOMEM;
    return NULL;
}
#endif

/* Use Ed25519: GMP, which RSA and ECDSA use, ends the process when memory is exhausted. */
static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    char *value = jwt_with(&ed, "{\"alg\":\"EdDSA\",\"kid\":\"\\u0061\",\"x\":[1.5]}",
                           "{" CLAIMS ",\"scope\":[\"a\",\"b\"]}");
    unsigned failed = 0;
    int outcome = JETON_VERIFIER_ERROR;

    if (!CAN_FAIL)
        skip();
    for (unsigned n = 1; outcome != JETON_VERIFIER_PASS; n++) {
        question = (struct jeton_question){
            .value = value, .value_length = strlen(value), .service = "other", .now = NOW
        };
        memset(&answer, 0, sizeof(answer));
        fail_at = n;
        outcome = module->verify(verifier, &question, &answer);
        failed += fail_at == 0;
        assert_int_equal(outcome, fail_at == 0 ? JETON_VERIFIER_ERROR : JETON_VERIFIER_PASS);
        fail_at = 0;
    }
    assert_true(failed > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arbitrary_signatures_are_refused),
        cmocka_unit_test(zero_and_order_in_ecdsa_are_refused),
        cmocka_unit_test(ed25519_signatures_are_canonical),
        cmocka_unit_test(ecdsa_signatures_have_one_spelling_with_low_s),
        cmocka_unit_test(rsa_signatures_are_below_the_modulus),
        cmocka_unit_test(without_a_signature_no_reason_is_given),
        cmocka_unit_test(tampered_and_cut_jwts_are_refused),
        cmocka_unit_test(out_of_memory_is_an_error),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, make_keys, free_keys);
}
