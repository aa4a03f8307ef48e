/* SPDX-License-Identifier: Apache-2.0 */
/* A write-ahead log whose file was damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#include "daemon/store/wal.h"
#include "tests/unit/support/directory.h"

enum { SEGMENT = 4 * WAL_BLOCK };

static struct problem problem;
static char file[96];

static int make(void **state)
{
    int made = make_directory(state);

    snprintf(file, sizeof(file), "%s.wal", path);
    return made;
}

static void refused(uint64_t from, enum wal_mode mode, const char *why)
{
    struct wal *w = wal_open(path, mode, &problem);

    assert_non_null(w);
    assert_false(wal_read(w, from, NULL, &problem));
    assert_non_null(strstr(problem.message, why));
    assert_non_null(strstr(problem.message, file));
    assert_int_equal(wal_next(w), 0);
    assert_int_equal(wal_append(w, 1, slice_of("b\n"), &problem), WAL_FAILED);
    wal_close(w);
}

/* Change a byte of the file. */
static void flip(off_t at)
{
    int fd = open(file, O_RDWR);
    char c;

    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 0x10;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void copy_block(off_t from, off_t to)
{
    char bytes[WAL_BLOCK];
    int fd = open(file, O_RDWR);

    assert_int_equal(pread(fd, bytes, WAL_BLOCK, from), WAL_BLOCK);
    assert_int_equal(pwrite(fd, bytes, WAL_BLOCK, to), WAL_BLOCK);
    close(fd);
}

/* Ten batches of one block: three in a segment, and one. */
static void save_ten(void)
{
    static const char body[] = "a line\n";
    struct wal *w = wal_open(path, WAL_WRITE, &problem);

    assert_true(wal_begin(w, "00112233aabbccdd", 1, &(struct wal_shape){ 3, SEGMENT }, &problem));
    wal_set_saved(w, 4);
    for (int i = 0; i < 10; i++)
        assert_int_equal(wal_append(w, 1, slice_of(body), &problem), WAL_DONE);
    wal_close(w);
}

/* Where a batch of those ten is: the fourth segment is in the first's place. */
static off_t place_of(unsigned number)
{
    return WAL_BLOCK + (number - 1) / 3 % 3 * SEGMENT + (off_t)WAL_BLOCK * (1 + (number - 1) % 3);
}

static void damage_before_the_end_is_refused_by_its_place(void **state)
{
    (void)state;
    char where[32];

    save_ten();
    for (unsigned i = 4; i <= 9; i++) {
        snprintf(where, sizeof(where), "at byte %lld", (long long)place_of(i));
        for (off_t at = place_of(i); at < place_of(i) + WAL_BATCH_HEAD + 7; at += 3) {
            flip(at);
            refused(4, WAL_READ, where);
            refused(4, WAL_WRITE, where);
            flip(at);
        }
    }
    struct wal *w = wal_open(path, WAL_WRITE, &problem);
    assert_true(wal_read(w, 4, NULL, &problem));
    assert_int_equal(wal_next(w), 11);
    wal_close(w);
}

static void damage_in_what_is_saved_is_passed_over(void **state)
{
    (void)state;
    save_ten();
    flip(place_of(5));
    refused(4, WAL_READ, "damaged");
    struct wal *w = wal_open(path, WAL_WRITE, &problem);
    assert_true(wal_read(w, 7, NULL, &problem));
    assert_int_equal(wal_next(w), 11);
    wal_close(w);
}

static void the_torn_end_is_cut_and_written_over(void **state)
{
    (void)state;
    save_ten();
    flip(place_of(10) + 90 - 10);
    struct wal *w = wal_open(path, WAL_WRITE, &problem);
    assert_true(wal_read(w, 4, NULL, &problem));
    assert_int_equal(wal_next(w), 10);
    assert_int_equal(wal_append(w, 1, slice_of("b\n"), &problem), WAL_DONE);
    wal_close(w);
    w = wal_open(path, WAL_READ, &problem);
    assert_true(wal_read(w, 4, NULL, &problem));
    assert_int_equal(wal_next(w), 11);
    wal_close(w);
}

static void a_segment_that_is_missing_is_named_by_its_serials(void **state)
{
    (void)state;
    save_ten();
    copy_block(place_of(7), place_of(4) - WAL_BLOCK);
    refused(4, WAL_WRITE, "serials 4 to 6 are missing");
    struct wal *w = wal_open(path, WAL_WRITE, &problem);
    assert_true(wal_read(w, 7, NULL, &problem));
    wal_close(w);
}

static void batches_that_were_exchanged_or_repeated_are_damage(void **state)
{
    (void)state;
    save_ten();
    copy_block(place_of(4), place_of(5));
    refused(4, WAL_READ, "damaged");
    copy_block(place_of(6), place_of(5));
    refused(4, WAL_READ, "damaged");
}

/* The head of the newest segment alone: what follows it is still found. */
static void a_head_that_was_lost_is_made_again(void **state)
{
    (void)state;
    save_ten();
    flip(place_of(10) - WAL_BLOCK + 30);
    struct wal *w = wal_open(path, WAL_READ, &problem);
    assert_true(wal_read(w, 4, NULL, &problem));
    assert_int_equal(wal_next(w), 11);
    wal_close(w);
    w = wal_open(path, WAL_WRITE, &problem);
    assert_true(wal_read(w, 4, NULL, &problem));
    wal_close(w);
    flip(place_of(10));
    w = wal_open(path, WAL_WRITE, &problem);
    assert_true(wal_read(w, 4, NULL, &problem));
    assert_int_equal(wal_next(w), 10);
    wal_close(w);
}

static void a_lost_head_before_more_than_one_batch_is_damage(void **state)
{
    (void)state;
    save_ten();
    struct wal *w = wal_open(path, WAL_WRITE, &problem);
    assert_true(wal_read(w, 4, NULL, &problem));
    assert_int_equal(wal_append(w, 1, slice_of("b\n"), &problem), WAL_DONE);
    wal_close(w);
    flip(place_of(10) - WAL_BLOCK + 30);
    refused(4, WAL_WRITE, "a segment's head");
    refused(4, WAL_READ, "a segment's head");
}

static void a_file_that_is_not_whole_or_no_log_is_refused(void **state)
{
    (void)state;
    save_ten();
    flip(20);
    assert_null(wal_open(path, WAL_WRITE, &problem));
    assert_non_null(strstr(problem.message, "is not a log of jeton, or is damaged"));
    flip(20);
    assert_int_equal(truncate(file, place_of(9)), 0);
    assert_null(wal_open(path, WAL_READ, &problem));
    assert_int_equal(truncate(file, 0), 0);
    assert_null(wal_open(path, WAL_WRITE, &problem));
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_null(wal_open(path, WAL_WRITE, &problem));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(damage_before_the_end_is_refused_by_its_place),
        TEST(damage_in_what_is_saved_is_passed_over),
        TEST(the_torn_end_is_cut_and_written_over),
        TEST(a_segment_that_is_missing_is_named_by_its_serials),
        TEST(batches_that_were_exchanged_or_repeated_are_damage),
        TEST(a_head_that_was_lost_is_made_again),
        TEST(a_lost_head_before_more_than_one_batch_is_damage),
        TEST(a_file_that_is_not_whole_or_no_log_is_refused),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
