/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "proto/request.h"
#include "proto/scopes.h"
#include "proto/stamp.h"
#include "proto/token.h"

static void assert_text(const struct text *t, const char *expected)
{
    assert_false(t->cut);
    assert_int_equal(t->len, strlen(expected));
    assert_memory_equal(t->at, expected, t->len);
}

static void value_has_prefix_random_part_and_checksum(void **state)
{
    (void)state;
    char room[TOKEN_VALUE_MAX];
    struct text value = text_in(room, sizeof(room));

    token_generate(&value, "jtn");
    assert_int_equal(value.len, 53);
    assert_true(slice_begins(text_slice(&value), "jtn_"));
    assert_int_equal(token_form(text_slice(&value), "jtn"), TOKEN_OURS);
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
    char room[TOKEN_VALUE_MAX];
    struct text value = text_in(room, sizeof(room));

    token_generate(&value, "jtn");
    for (size_t i = 4; i < value.len; i++) {
        char kept = room[i];
        room[i] = kept == 'x' ? 'y' : 'x';
        assert_int_equal(token_form(text_slice(&value), "jtn"), TOKEN_BAD_CHECK);
        room[i] = kept;
    }
}

static void form_tells_identifiers_and_lengths(void **state)
{
    (void)state;
    char long_text[513];

    memset(long_text, 'a', sizeof(long_text));
    assert_int_equal(token_form(slice_of("0123456789abcdef0123"), "jtn"), TOKEN_ID);
    assert_int_equal(token_form((struct slice){ long_text, 31 }, "jtn"), TOKEN_BAD_LENGTH);
    assert_int_equal(token_form((struct slice){ long_text, 32 }, "jtn"), TOKEN_FOREIGN);
    assert_int_equal(token_form((struct slice){ long_text, 512 }, "jtn"), TOKEN_FOREIGN);
    assert_int_equal(token_form((struct slice){ long_text, 513 }, "jtn"), TOKEN_BAD_LENGTH);
}

static void hex_has_hex_digits_only(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdefABCDEF";
    char text[] = "0123456789abcdefABCDEF9876543210fedcbaFE"; /* 16 at a time, and some more */
    uint8_t bytes[20];

    assert_true(hex_parse((struct slice){ text, 40 }, bytes, 20));
    assert_memory_equal(bytes,
                        "\x01\x23\x45\x67\x89\xab\xcd\xef\xab\xcd\xef\x98\x76\x54\x32\x10\xfe\xdc"
                        "\xba\xfe",
                        20);
    assert_false(hex_parse((struct slice){ text, 39 }, bytes, 20));
    assert_false(hex_parse((struct slice){ text, 40 }, bytes, 19));
    for (size_t at = 0; at < 40; at++) {
        char kept = text[at];
        for (int byte = 0; byte < 256; byte++) {
            const char *digit = memchr(digits, byte, sizeof(digits) - 1);
            text[at] = (char)byte;
            assert_int_equal(hex_parse((struct slice){ text, 40 }, bytes, 20), digit != NULL);
            if (digit != NULL)
                assert_int_equal(at % 2 == 0 ? bytes[at / 2] >> 4 : bytes[at / 2] & 15,
                                 digit - digits < 16 ? digit - digits : digit - digits - 6);
        }
        text[at] = kept;
    }
}

static void utf8_is_looked_at_behind_long_characters_too(void **state)
{
    (void)state;
    assert_true(utf8_valid(slice_of("a\xc3\xa4z\xe2\x82\xac.\xf0\x9f\x94\x91")));
    assert_false(utf8_valid(slice_of("\xc3\xa4z\xff")));
    assert_false(utf8_valid(slice_of("\xe2\x82\xac"
                                     "a\x80")));
    assert_false(utf8_valid(slice_of("\xf0\x9f\x94\x91"
                                     "ab\xc3")));
}

static void scopes_are_sorted_and_unique(void **state)
{
    (void)state;
    char room[SCOPES_TEXT_MAX];
    struct text t = text_in(room, sizeof(room));

    assert_null(scopes_normalise(slice_of("read,deploy,read,a:*"), &t));
    assert_text(&t, "a:*,deploy,read");
    assert_non_null(scopes_normalise(slice_of("a,,b"), &t));
    assert_non_null(scopes_normalise(slice_of("a b"), &t));
    assert_non_null(scopes_normalise(slice_of("a,"), &t));
}

static void a_scope_has_its_characters_and_no_others(void **state)
{
    (void)state;
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/*-";

    for (int byte = 0; byte < 256; byte++) {
        const char word[] = { 'a', (char)byte, 'z' };
        bool well = byte == ',' || (byte != 0 && strchr(allowed, byte) != NULL);
        assert_int_equal(scopes_fault((struct slice){ word, 3 }) == NULL, well);
    }
}

static void scopes_are_compared_whole(void **state)
{
    (void)state;
    struct slice had = SLICE("deploy,read");

    assert_true(scopes_include(had, slice_of("")));
    assert_true(scopes_include(had, slice_of("read,deploy")));
    assert_false(scopes_include(had, slice_of("rea")));
    assert_false(scopes_include(had, slice_of("read,write")));
    assert_false(scopes_include(slice_of(""), slice_of("read")));
    assert_false(scopes_include(slice_of("*"), slice_of("read")));
}

static void stamps_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2000-02-29T23:59:59Z", 951868799 },
        { "2026-11-23T17:50:00Z", 1795456200 },
        { "9999-12-31T23:59:59Z", STAMP_MAX },
    };

    for (size_t i = 0; i < 4; i++) {
        char room[STAMP_TEXT];
        struct text t = text_in(room, sizeof(room));
        int64_t time;
        assert_true(stamp_parse(slice_of(cases[i].text), &time));
        assert_int_equal(time, cases[i].time);
        stamp_write(&t, time);
        assert_text(&t, cases[i].text);
    }
}

static void impossible_stamps_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00",
        "1969-12-31T23:59:59Z",
    };
    int64_t time;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(stamp_parse(slice_of(bad[i]), &time));
}

/* Each byte in each of their places. */
static void a_stamp_has_digits_where_digits_go(void **state)
{
    (void)state;
    char text[] = "1971-01-01T00:00:00Z";
    int64_t time;

    for (size_t at = 0; at < STAMP_TEXT; at++) {
        char kept = text[at];
        for (int byte = 0; byte < 256; byte++) {
            text[at] = (char)byte;
            bool well = stamp_parse((struct slice){ text, STAMP_TEXT }, &time);
            assert_false(well && !(kept >= '0' && kept <= '9') && byte != kept);
            assert_false(well && kept >= '0' && kept <= '9' && (byte < '0' || byte > '9'));
            assert_true(well || byte != kept);
        }
        text[at] = kept;
    }
}

static void a_number_is_decimal_and_at_most_its_maximum(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool well;
        uint64_t number;
    } cases[] = {
        { "0", 0, true, 0 },
        { "1", 0, false, 0 },
        { "007", 7, true, 7 },
        { "8", 7, false, 0 },
        { "10", 9, false, 0 },
        { "4294967295", UINT32_MAX, true, UINT32_MAX },
        { "4294967296", UINT32_MAX, false, 0 },
        { "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
        { "18446744073709551616", UINT64_MAX, false, 0 },
        { "36893488147419103233", UINT64_MAX, false, 0 }, /* 2^65 + 1 */
        { "99999999999999999999", UINT64_MAX, false, 0 },
        { "", UINT64_MAX, false, 0 },
        { "-1", UINT64_MAX, false, 0 },
        { "+1", UINT64_MAX, false, 0 },
        { " 1", UINT64_MAX, false, 0 },
        { "1 ", UINT64_MAX, false, 0 },
        { "0x1", UINT64_MAX, false, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t number = 0;
        assert_int_equal(number_parse(slice_of(cases[i].text), cases[i].max, &number),
                         cases[i].well);
        assert_true(number == cases[i].number);
    }
}

static void durations_have_one_number_and_one_unit(void **state)
{
    (void)state;
    int64_t seconds;

    assert_true(duration_parse(slice_of("90d"), &seconds));
    assert_int_equal(seconds, 90 * 86400);
    assert_true(duration_parse(slice_of("0s"), &seconds));
    assert_false(duration_parse(slice_of("90"), &seconds));
    assert_false(duration_parse(slice_of("d"), &seconds));
    assert_false(duration_parse(slice_of("-1d"), &seconds));
    assert_false(duration_parse(slice_of("99999999999999999999y"), &seconds));
}

static enum status parse(const char *line, enum role role, struct request *request)
{
    static char bytes[512];
    struct problem problem;

    strcpy(bytes, line);
    const struct request_line look = request_look(bytes, strlen(bytes));
    return request_parse(&look, role, request, &problem);
}

static void requests_are_checked_verb_role_arguments(void **state)
{
    (void)state;
    struct request r;

    assert_int_equal(parse("verify abc", ROLE_VERIFY, &r), STATUS_OK);
    assert_true(slice_is(r.value[KEY_TOKEN], "abc"));
    assert_int_equal(parse("verify token=abc", ROLE_VERIFY, &r), STATUS_OK);
    assert_int_equal(parse("* import digest=00", ROLE_ADMIN, &r), STATUS_OK);
    assert_int_equal(parse("frobnicate", ROLE_ADMIN, &r), STATUS_UNKNOWN_VERB);
    assert_int_equal(parse("create bogus=\"", ROLE_VERIFY, &r), STATUS_FORBIDDEN);
    assert_int_equal(parse("create expire=2030-01-01T00:00:00Z", ROLE_ADMIN, &r),
                     STATUS_UNKNOWN_KEY);
    assert_int_equal(parse("create ttl=1d ttl=2d", ROLE_ADMIN, &r), STATUS_DUPLICATE_KEY);
    assert_int_equal(parse("create ttl=1d expires=2030-01-01T00:00:00Z", ROLE_ADMIN, &r),
                     STATUS_SYNTAX);
    assert_int_equal(parse("create stray", ROLE_ADMIN, &r), STATUS_SYNTAX);
    assert_int_equal(parse("verify", ROLE_VERIFY, &r), STATUS_MISSING);
    assert_int_equal(parse("verify a b", ROLE_VERIFY, &r), STATUS_SYNTAX);
    assert_int_equal(parse("revoke id=a token=b", ROLE_ADMIN, &r), STATUS_SYNTAX);
}

static void every_status_has_a_row_and_is_found_by_its_word(void **state)
{
    (void)state;
    for (enum status s = 0; s < STATUS_COUNT; s++) {
        const struct status_row *row = status_row(s);
        assert_non_null(row->word);
        assert_non_null(row->pam);
        assert_in_range(row->http, 200, 599);
        assert_int_equal(status_named(row->kind, slice_of(row->word)), s);
    }
}

static void every_verb_has_a_row(void **state)
{
    (void)state;
    for (enum verb v = 0; v < VERB_COUNT; v++) {
        assert_int_equal(verb_named(slice_of(verb_row(v)->name)), v);
        assert_true(slice_begins(slice_of(verb_row(v)->usage), verb_row(v)->name));
    }
}

static void digest_by_libsodium(struct slice value, uint8_t digest[DIGEST_SIZE])
{
    static const uint8_t personal[crypto_generichash_blake2b_PERSONALBYTES] = "jeton token v1";

    assert_int_equal(crypto_generichash_blake2b_salt_personal(digest, DIGEST_SIZE,
                                                              (const uint8_t *)value.at, value.len,
                                                              NULL, 0, NULL, personal),
                     0);
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

/* Every number of values at once, of lengths on both sides of a word, a block and a vector. */
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
        cmocka_unit_test(checksum_is_zlib_crc32_in_base62),
        cmocka_unit_test(any_changed_character_is_malformed),
        cmocka_unit_test(form_tells_identifiers_and_lengths),
        cmocka_unit_test(digest_of_any_length_is_that_of_libsodium),
        cmocka_unit_test(digests_together_are_those_of_each_alone),
        cmocka_unit_test(hex_has_hex_digits_only),
        cmocka_unit_test(utf8_is_looked_at_behind_long_characters_too),
        cmocka_unit_test(scopes_are_sorted_and_unique),
        cmocka_unit_test(a_scope_has_its_characters_and_no_others),
        cmocka_unit_test(scopes_are_compared_whole),
        cmocka_unit_test(stamps_round_trip),
        cmocka_unit_test(impossible_stamps_are_refused),
        cmocka_unit_test(a_stamp_has_digits_where_digits_go),
        cmocka_unit_test(a_number_is_decimal_and_at_most_its_maximum),
        cmocka_unit_test(durations_have_one_number_and_one_unit),
        cmocka_unit_test(requests_are_checked_verb_role_arguments),
        cmocka_unit_test(every_status_has_a_row_and_is_found_by_its_word),
        cmocka_unit_test(every_verb_has_a_row),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
