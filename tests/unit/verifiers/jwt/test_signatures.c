/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that are none, JWTs that are damaged, and want of memory. */
#include "tests/unit/support/jwt_maker.h"

#include <errno.h>

/* -- the signature ----------------------------------------------------------------------------- */

static void a_signature_is_needed(void **state)
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
            assert_true(unknown(add_signature(put_together(headers[i % 4], "{" CLAIMS "}"), bytes,
                                              lengths[i / 4])));
        }
    assert_true(malformed(strcat(put_together(headers[0], "{}"), ".A")));
    assert_true(malformed(strcat(put_together(headers[0], "{}"), ".AB")));
}

static const uint8_t p256_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t ed25519_order[32] = {
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,        0xd6,
    0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10,
};

static void psychic_signatures_are_refused(void **state)
{
    (void)state;
    uint8_t zero[32] = { 0 }, one[32] = { [31] = 1 }, made[1024];
    const char *text = put_together("{\"alg\":\"ES256\"}", "{" CLAIMS "}");
    assert_int_equal(sign(&ec, text, made), 64);
    const uint8_t *const halves[] = { zero, one, p256_order, made, made + 32 };

    for (size_t i = 0; i < 25; i++) {
        uint8_t signature[64];
        memcpy(signature, halves[i / 5], 32);
        memcpy(signature + 32, halves[i % 5], 32);
        char *value = put_together("{\"alg\":\"ES256\"}", "{" CLAIMS "}");
        if (halves[i / 5] == made && halves[i % 5] == made + 32)
            assert_int_equal(ask(verifier, add_signature(value, signature, 64)), 0);
        else
            assert_true(unknown(add_signature(value, signature, 64)));
    }
}

static void ed25519_has_one_spelling(void **state)
{
    (void)state;
    uint8_t made[1024], zeros[64] = { 1 }; /* the neutral point, and 0 */
    char *value = put_together("{\"alg\":\"EdDSA\"}", "{" CLAIMS "}");

    assert_int_equal(sign(&ed, value, made), 64);
    sodium_add(made + 32, ed25519_order, 32);
    assert_true(unknown(add_signature(value, made, 64)));
    value = put_together("{\"alg\":\"EdDSA\"}", "{" CLAIMS "}");
    assert_true(unknown(add_signature(value, zeros, 64)));
}

static void reasons_are_told_only_to_who_has_a_signature(void **state)
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

/* -- damage ------------------------------------------------------------------------------------ */

static void nothing_but_the_whole_passes(void **state)
{
    (void)state;
    const char *const whole[] = {
        jwt(&ed, "{" CLAIMS "}"),
        jwt(&ec, "{" CLAIMS "}"),
        jwt(&rsa, "{" CLAIMS "}"),
        jwt_by_secret(secret, sizeof(secret), "{\"alg\":\"HS256\"}", "{" CLAIMS "}"),
    };

    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        char value[ROOM];
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

/* -- no memory --------------------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
static unsigned fail_at;
enum { CAN_FAIL = 0 };
#else
static unsigned fail_at; /* the how many-th malloc() from now; 0: none */
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

/* With Ed25519: GMP, beneath RSA and ECDSA, ends the process when there is no memory. */
static void want_of_memory_is_an_error(void **state)
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
        cmocka_unit_test(a_signature_is_needed),
        cmocka_unit_test(psychic_signatures_are_refused),
        cmocka_unit_test(ed25519_has_one_spelling),
        cmocka_unit_test(reasons_are_told_only_to_who_has_a_signature),
        cmocka_unit_test(nothing_but_the_whole_passes),
        cmocka_unit_test(want_of_memory_is_an_error),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, with_keys, without_keys);
}
