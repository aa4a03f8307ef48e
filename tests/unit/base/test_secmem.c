/* SPDX-License-Identifier: Apache-2.0 */
/* Locked memory is reused, and given back when a crowd has left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/sanitizer.h"
#include "daemon/base/secmem.h"

enum { BLOCKS = 1500, MEBIBYTE = 1024 * 1024 };

static const size_t sizes[] = { 16 * 1024, 32 * 1024, 64 * 1024, 128 * 1024 };
static void *block[BLOCKS];

static size_t size_of(int i)
{
    return sizes[i % 8 == 0 ? 3 : i % 4 == 0 ? 2 : i % 2];
}

static size_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %llu", &pages), 1);
    fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void take_all(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        block[i] = secmem_new(size_of(i));
        assert_non_null(block[i]);
        memset(block[i], i, size_of(i));
    }
}

static void assert_unharmed(int i)
{
    const unsigned char *byte = block[i];

    for (size_t at = 0; at < size_of(i); at += 1000)
        assert_int_equal(byte[at], (unsigned char)i);
}

/* Free all but each `kept`th. */
static void free_others(int kept)
{
    for (int i = 0; i < BLOCKS; i++)
        if (i % kept != 0)
            secmem_free(block[i], size_of(i));
}

static void memory_of_a_crowd_is_given_back(void **state)
{
    (void)state;
    if (JETON_SANITIZED)
        skip();
    size_t before = resident();
    for (int round = 0; round < 3; round++) {
        take_all();
        assert_true(resident() > before + 50 * MEBIBYTE);
        free_others(BLOCKS + 1);
        secmem_free(block[0], size_of(0));
        for (int i = 0; i < 4; i++)
            secmem_trim();
        assert_true(resident() < before + 4 * MEBIBYTE);
    }
}

static void what_is_in_use_stays(void **state)
{
    (void)state;
    take_all();
    free_others(100);
    for (int i = 0; i < 4; i++)
        secmem_trim();
    for (int i = 0; i < BLOCKS; i += 100)
        assert_unharmed(i);
    for (int i = 0; i < BLOCKS; i += 100)
        secmem_free(block[i], size_of(i));
}

/* A block in use in each chunk keeps all of them; the rest of their memory is given back nevertheless. */
static void free_blocks_beside_those_in_use_are_given_back(void **state)
{
    (void)state;
    if (JETON_SANITIZED)
        skip();
    take_all();
    size_t all = resident();
    free_others(10);
    for (int i = 0; i < 20; i++)
        secmem_trim();
    assert_true(resident() < all / 2);
    for (int i = 0; i < BLOCKS; i += 10)
        assert_unharmed(i);
    for (int i = 0; i < BLOCKS; i++) {
        if (i % 10 == 0)
            continue;
        block[i] = secmem_new(size_of(i));
        assert_non_null(block[i]);
        memset(block[i], i, size_of(i));
    }
    for (int i = 0; i < BLOCKS; i++) {
        assert_unharmed(i);
        secmem_free(block[i], size_of(i));
    }
}

static void what_was_needed_since_the_last_time_stays(void **state)
{
    (void)state;
    if (JETON_SANITIZED)
        skip();
    take_all();
    free_others(BLOCKS + 1);
    secmem_free(block[0], size_of(0));
    secmem_trim();
    size_t all = resident();
    take_all();
    free_others(BLOCKS + 1);
    secmem_free(block[0], size_of(0));
    secmem_trim();
    assert_true(resident() + 4 * MEBIBYTE > all);
    secmem_trim();
    secmem_trim();
    assert_true(resident() + 40 * MEBIBYTE < all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_of_a_crowd_is_given_back),
        cmocka_unit_test(what_is_in_use_stays),
        cmocka_unit_test(free_blocks_beside_those_in_use_are_given_back),
        cmocka_unit_test(what_was_needed_since_the_last_time_stays),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
