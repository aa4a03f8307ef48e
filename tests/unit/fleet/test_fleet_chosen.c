/* SPDX-License-Identifier: Apache-2.0 */
/* Digests that somebody has chosen so that many begin alike: what a fleet's cache reads to find one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/support/fleet_fixture.h"

enum {
    TOKENS = 20000,
    READS_MAX = 12
}; /* READS_MAX: blocks; those tokens fill a hundred or more */

static unsigned reads;

/* Count what is read. */
ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    reads++;
    return syscall(SYS_pread64, fd, bytes, len, at);
}

ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size);

ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size)
{
    assert_true(len <= size);
    return pread(fd, bytes, len, at);
}

/* The same first eight bytes; only even numbers are there. */
static void alike(unsigned number, uint8_t digest[DIGEST_SIZE])
{
    memset(digest, 'a', DIGEST_SIZE);
    digest[8] = (uint8_t)(number >> 8);
    digest[9] = (uint8_t)number;
}

static void take(struct fleet_cache *c)
{
    struct fleet_place place = fleet_place_of(TOKENS);

    assert_int_equal(fleet_cache_snapshot_begin(c), 0);
    for (unsigned number = 0; number < 2 * TOKENS; number += 2) {
        fleet_token(&entry, number, 1);
        alike(number, entry.record.digest);
        assert_int_equal(fleet_cache_snapshot_put(c, &entry, NULL), 0);
    }
    assert_int_equal(fleet_cache_snapshot_end(c, &place, NULL), 0);
}

static enum store_found find_alike(struct fleet_cache *c, unsigned number)
{
    uint8_t digest[DIGEST_SIZE];

    alike(number, digest);
    reads = 0;
    enum store_found found = fleet_cache_find(c, digest, &entry);
    assert_in_range(reads, 0, READS_MAX);
    if (found == STORE_FOUND)
        assert_memory_equal(entry.record.digest, digest, DIGEST_SIZE);
    return found;
}

static void a_digest_among_many_that_begin_alike_is_found_with_few_reads(void **state)
{
    struct fleet_cache *c = open_cache();

    (void)state;
    take(c);
    assert_true(c->snapshot->head.blocks > 100);
    for (int i = 0; i < 2; i++) {
        for (unsigned number = 0; number < 2 * TOKENS + 9; number += 7) {
            bool there = number % 2 == 0 && number < 2 * TOKENS;
            assert_int_equal(find_alike(c, number), there ? STORE_FOUND : STORE_ABSENT);
        }
        c = reopen(c);
    }
    fleet_cache_close(c);
}

/* One before all, one between others in prefix, and one behind. */
static void digests_around_them_are_found(void **state)
{
    static const uint8_t first[] = { 0, 'a' - 1, 'a', 'b', 0xff };
    struct fleet_place place = fleet_place_of(1);
    struct fleet_cache *c = open_cache();
    uint8_t digest[DIGEST_SIZE];

    (void)state;
    take(c);
    for (size_t i = 0; i < sizeof(first); i++) {
        fleet_token(&entry, i, 1);
        memset(entry.record.digest, first[i], DIGEST_SIZE);
        assert_int_equal(fleet_cache_put(c, &entry), 0);
    }
    assert_int_equal(fleet_cache_commit(c, &place), 0);
    assert_true(fleet_compact_now(c));
    for (size_t i = 0; i < sizeof(first); i++) {
        memset(digest, first[i], DIGEST_SIZE);
        assert_int_equal(fleet_cache_find(c, digest, &entry), STORE_FOUND);
        digest[9] = (uint8_t)(digest[9] + 2);
        assert_int_equal(fleet_cache_find(c, digest, &entry), STORE_ABSENT);
    }
    assert_int_equal(find_alike(c, 0), STORE_FOUND);
    assert_int_equal(find_alike(c, 2 * TOKENS - 2), STORE_FOUND);
    fleet_cache_close(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_digest_among_many_that_begin_alike_is_found_with_few_reads),
        TEST(digests_around_them_are_found),
    };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
