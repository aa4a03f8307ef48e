/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "proto/blake_plain.h"
#include "proto/token.h"

/* -- what it is compared with ----------------------------------------------------------------- */

static void digest_by_libsodium(struct slice message, const char *personal,
                                uint8_t digest[DIGEST_SIZE])
{
    uint8_t padded[crypto_generichash_blake2b_PERSONALBYTES] = { 0 };

    memcpy(padded, personal, strlen(personal));
    assert_int_equal(crypto_generichash_blake2b_salt_personal(digest, DIGEST_SIZE,
                                                              (const uint8_t *)message.at,
                                                              message.len, NULL, 0, NULL, padded),
                     0);
}

static void assert_same_digest(struct slice message, const char *personal)
{
    uint8_t ours[DIGEST_SIZE], theirs[DIGEST_SIZE];

    blake_plain(message, personal, ours);
    digest_by_libsodium(message, personal, theirs);
    assert_memory_equal(ours, theirs, DIGEST_SIZE);
}

/* -- tests ------------------------------------------------------------------------------------ */

static void digest_of_each_length_is_that_of_libsodium(void **state)
{
    (void)state;
    static char bytes[VALUE_MAX];

    randombytes_buf(bytes, sizeof(bytes));
    for (size_t len = 0; len <= 600; len++)
        assert_same_digest((struct slice){ bytes, len }, TOKEN_PERSONAL);
    for (size_t len = VALUE_MAX - 200; len <= VALUE_MAX; len++)
        assert_same_digest((struct slice){ bytes, len }, TOKEN_PERSONAL);
}

static void personalisation_is_padded_and_counts(void **state)
{
    (void)state;
    uint8_t token[DIGEST_SIZE], other[DIGEST_SIZE];
    struct slice message = slice_of("a message");

    assert_same_digest(message, "");
    assert_same_digest(message, "sixteen bytes ok");
    blake_plain(message, TOKEN_PERSONAL, token);
    blake_plain(message, SIGNED_PERSONAL, other);
    assert_memory_not_equal(token, other, DIGEST_SIZE);
}

static void digest_is_that_by_which_tokens_are_known(void **state)
{
    (void)state;
    uint8_t plain[DIGEST_SIZE], known[DIGEST_SIZE];
    char buffer[TOKEN_VALUE_MAX];

    for (int i = 0; i < 100; i++) {
        struct text value = text_in(buffer, sizeof(buffer));
        token_generate((struct text *[]){ &value }, 1, "jtn");
        blake_plain(text_slice(&value), TOKEN_PERSONAL, plain);
        token_digest(text_slice(&value), known);
        assert_memory_equal(plain, known, DIGEST_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_of_each_length_is_that_of_libsodium),
        cmocka_unit_test(personalisation_is_padded_and_counts),
        cmocka_unit_test(digest_is_that_by_which_tokens_are_known),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
