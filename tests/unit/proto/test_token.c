/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "proto/token.h"

static void digest_by_libsodium(struct slice value, uint8_t digest[DIGEST_SIZE])
{
    static const uint8_t personal[crypto_generichash_blake2b_PERSONALBYTES] = "jeton token v1";

    assert_int_equal(crypto_generichash_blake2b_salt_personal(digest, DIGEST_SIZE,
                                                              (const uint8_t *)value.at, value.len,
                                                              NULL, 0, NULL, personal),
                     0);
}

static void value_has_prefix_random_part_and_checksum(void **state)
{
    (void)state;
    char buffer[TOKEN_VALUE_MAX];
    struct text value = text_in(buffer, sizeof(buffer));

    token_generate((struct text *[]){ &value }, 1, "jtn");
    assert_int_equal(value.len, 53);
    assert_true(slice_begins(text_slice(&value), "jtn_"));
    assert_int_equal(token_form(text_slice(&value), "jtn"), TOKEN_OURS);
}

static void values_that_are_generated_together_are_all_others(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    static char buffer[COUNT][TOKEN_VALUE_MAX];
    struct text text[COUNT], *value[COUNT];

    for (int i = 0; i < COUNT; i++) {
        text[i] = text_in(buffer[i], sizeof(buffer[i]));
        value[i] = &text[i];
    }
    token_generate(value, COUNT, "jtn");
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(token_form(text_slice(value[i]), "jtn"), TOKEN_OURS);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(buffer[i] + 4, buffer[j] + 4, 16);
    }
}

/* The checksum was computed independently with zlib's crc32(). */
static void checksum_is_zlib_crc32_in_base62(void **state)
{
    (void)state;
    char value[] = "jtn_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"
                   "3tE7jS";

    assert_int_equal(token_form(slice_of(value), "jtn"), TOKEN_OURS);
}

static void any_changed_character_is_malformed(void **state)
{
    (void)state;
    char buffer[TOKEN_VALUE_MAX];
    struct text value = text_in(buffer, sizeof(buffer));

    token_generate((struct text *[]){ &value }, 1, "jtn");
    for (size_t i = 4; i < value.len; i++) {
        char kept = buffer[i];
        buffer[i] = kept == 'x' ? 'y' : 'x';
        assert_int_equal(token_form(text_slice(&value), "jtn"), TOKEN_BAD_CHECK);
        buffer[i] = kept;
    }
}

static void form_tells_identifiers_and_lengths(void **state)
{
    (void)state;
    static char long_text[VALUE_MAX + 1];

    memset(long_text, 'a', sizeof(long_text));
    assert_int_equal(token_form(slice_of("0123456789abcdef0123"), "jtn"), TOKEN_ID);
    assert_int_equal(token_form((struct slice){ long_text, 31 }, "jtn"), TOKEN_BAD_LENGTH);
    assert_int_equal(token_form((struct slice){ long_text, 32 }, "jtn"), TOKEN_FOREIGN);
    assert_int_equal(token_form((struct slice){ long_text, VALUE_MAX }, "jtn"), TOKEN_FOREIGN);
    assert_int_equal(token_form((struct slice){ long_text, VALUE_MAX + 1 }, "jtn"),
                     TOKEN_BAD_LENGTH);
}

static void digest_of_any_length_is_that_of_libsodium(void **state)
{
    (void)state;
    static char bytes[600];
    uint8_t ours[DIGEST_SIZE], theirs[DIGEST_SIZE];

    randombytes_buf(bytes, sizeof(bytes));
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct slice value = { bytes + sizeof(bytes) - len, len };
        token_digest(value, ours);
        digest_by_libsodium(value, theirs);
        assert_memory_equal(ours, theirs, DIGEST_SIZE);
    }
}

/* Try every number of values at once, of lengths on both sides of a word, a block and a vector. */
static void digests_together_are_those_of_each_alone(void **state)
{
    (void)state;
    enum { MOST = 40, LONGEST = 520, GUARD = 0xa5 };
    static char bytes[MOST][LONGEST];
    uint8_t made[MOST + 1][DIGEST_SIZE], alone[DIGEST_SIZE], *digest[MOST];
    struct slice value[MOST];

    randombytes_buf(bytes, sizeof(bytes));
    for (int round = 0; round < 20 * (MOST + 1); round++) {
        size_t count = (size_t)round % (MOST + 1);
        uint32_t longest = round % 3 == 0 ? LONGEST : round % 3 == 1 ? 129 : 60;
        memset(made, GUARD, sizeof(made));
        for (size_t i = 0; i < count; i++) {
            value[i] = (struct slice){ bytes[i], randombytes_uniform(longest + 1) };
            digest[i] = made[i];
        }
        token_digests(value, count, digest);
        for (size_t i = 0; i < count; i++) {
            digest_by_libsodium(value[i], alone);
            assert_memory_equal(made[i], alone, DIGEST_SIZE);
        }
        for (size_t i = 0; i < DIGEST_SIZE; i++)
            assert_int_equal(made[count][i], GUARD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_has_prefix_random_part_and_checksum),
        cmocka_unit_test(values_that_are_generated_together_are_all_others),
        cmocka_unit_test(checksum_is_zlib_crc32_in_base62),
        cmocka_unit_test(any_changed_character_is_malformed),
        cmocka_unit_test(form_tells_identifiers_and_lengths),
        cmocka_unit_test(digest_of_any_length_is_that_of_libsodium),
        cmocka_unit_test(digests_together_are_those_of_each_alone),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
