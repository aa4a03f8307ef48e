/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in a file that is damaged, or no TDB file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/support/lookup_keys.h"

static void set_u32(off_t at, uint32_t number)
{
    int fd = open(path, O_RDWR);

    assert_int_equal(pwrite(fd, &number, 4, at), 4);
    close(fd);
}

static uint32_t get_u32(off_t at)
{
    uint32_t number;
    int fd = open(path, O_RDONLY);

    assert_int_equal(pread(fd, &number, 4, at), 4);
    close(fd);
    return number;
}

enum { HEAD = 168, CHAIN = HEAD + 4, MAGIC = 20, CAPACITY = 4, KEY_LEN = 8, VALUE_LEN = 12 };

static void expect(off_t at, uint32_t number, enum lookup_found expected)
{
    uint32_t was = get_u32(at);
    size_t len;

    set_u32(at, number);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(get(i, &len), expected);
    set_u32(at, was);
}

static void what_is_damaged_is_not_found(void **state)
{
    size_t len;

    (void)state;
    open_both(1, TDB_INCOMPATIBLE_HASH);
    for (unsigned i = 1; i <= 3; i++)
        put(i, 1);
    uint32_t newest = get_u32(CHAIN), second = get_u32(newest), oldest = get_u32(second);
    assert_int_equal(get(4, &len), LOOKUP_ABSENT);
    expect(CHAIN, UINT32_MAX, LOOKUP_FAILED);
    expect(CHAIN, 4, LOOKUP_FAILED);
    expect(CHAIN, 0, LOOKUP_ABSENT);
    set_u32(newest + MAGIC, 0xfee1dead);
    assert_int_equal(get(3, &len), LOOKUP_ABSENT);
    set_u32(newest + MAGIC, 0xd9fee666);
    assert_int_equal(get(3, &len), LOOKUP_FAILED);
    set_u32(newest + MAGIC, 0x26011999);
    set_u32(newest + VALUE_LEN, UINT32_MAX);
    assert_int_equal(get(3, &len), LOOKUP_FAILED);
    set_u32(newest + CAPACITY, UINT32_MAX);
    assert_int_equal(get(3, &len), LOOKUP_FAILED);
    set_u32(newest + VALUE_LEN, VALUE_MAX - 1);
    assert_int_equal(get(3, &len), LOOKUP_FAILED); /* the file ends before */
    set_u32(newest + VALUE_LEN, 1);
    assert_int_equal(get(3, &len), LOOKUP_FOUND);
    set_u32(oldest, second);
    assert_int_equal(get(4, &len), LOOKUP_FAILED);
    set_u32(oldest, newest);
    assert_int_equal(get(4, &len), LOOKUP_FAILED);
    set_u32(oldest, oldest);
    assert_int_equal(get(4, &len), LOOKUP_FAILED);
    assert_int_equal(get(1, &len), LOOKUP_FOUND);
    assert_true(is_version(1, 1, found_bytes, len));
    close_both();
}

static void a_file_of_another_kind_is_not_opened(void **state)
{
    (void)state;
    static const off_t fields[] = { 0, 32, 36, 40, 52 };

    open_both(131, TDB_INCOMPATIBLE_HASH);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        uint32_t was = get_u32(fields[i]);
        set_u32(fields[i], 0x1234567);
        assert_null(tdb_lookup_open(path));
        set_u32(fields[i], was);
    }
    struct tdb_lookup *again = tdb_lookup_open(path);
    assert_non_null(again);
    tdb_lookup_close(again);
    assert_null(tdb_lookup_open(directory));
    assert_null(tdb_lookup_open("/nowhere"));
    close_both();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_damaged_is_not_found, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_file_of_another_kind_is_not_opened, make_directory,
                                        remove_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
