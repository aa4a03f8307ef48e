/* SPDX-License-Identifier: Apache-2.0 */
/* A write-ahead log on a disk that works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/support/wal_batches.h"

static const struct wal_shape small = { 3, 4 * WAL_BLOCK };
static const char epoch[] = "00112233aabbccdd";
static char file[96];

static int make(void **state)
{
    int made = make_directory(state);

    snprintf(file, sizeof(file), "%s.wal", path);
    return made;
}

static struct wal *begin_log(uint64_t first)
{
    struct wal *w = wal_open(path, WAL_WRITE, &problem);

    assert_non_null(w);
    assert_string_equal(wal_epoch(w), "");
    assert_true(wal_begin(w, epoch, first, &small, &problem));
    assert_int_equal(wal_next(w), first);
    return w;
}

/* Append batches until this serial is the next. */
static void append_until(struct wal *w, uint64_t next)
{
    while (wal_next(w) < next)
        assert_int_equal(append_numbered(w, 0), WAL_DONE);
}

/* Open the log and read it; the serials from `from` up to `next` are there. */
static struct wal *reopened(enum wal_mode mode, uint64_t from, uint64_t next)
{
    struct wal *w = wal_open(path, mode, &problem);
    struct seen seen;

    assert_non_null(w);
    assert_string_equal(wal_epoch(w), epoch);
    assert_true(read_numbered(w, from, &seen));
    assert_int_equal(seen.next, next);
    assert_int_equal(wal_next(w), next);
    return w;
}

/* -- appending and reading -------------------------------------------------------------------- */

static void what_was_appended_is_read_from_any_serial_on(void **state)
{
    (void)state;
    struct wal *w = begin_log(7);

    append_until(w, 20);
    uint64_t next = wal_next(w);
    wal_close(w);
    for (uint64_t from = 7; from <= next; from++) {
        wal_close(reopened(WAL_READ, from, next));
        wal_close(reopened(WAL_WRITE, from, next));
    }
    w = wal_open(path, WAL_READ, &problem);
    assert_false(wal_read(w, 6, NULL, &problem));
    assert_non_null(strstr(problem.message, "serials 6 to 6 are missing"));
    wal_close(w);
}

static void an_empty_log_is_read(void **state)
{
    (void)state;
    struct wal *w = wal_open(path, WAL_READ, &problem);

    assert_true(wal_read(w, 1, NULL, &problem));
    assert_int_equal(wal_next(w), 0);
    wal_close(w);
    wal_close(begin_log(1));
    wal_close(reopened(WAL_READ, 1, 1));
    wal_close(reopened(WAL_WRITE, 1, 1));
}

/* Go round the ring many times, with every state of its ends. */
static void segments_are_written_again_once_they_are_saved(void **state)
{
    (void)state;
    struct wal *w = begin_log(1);

    for (uint64_t saved = 1; saved < 300; saved += 1 + saved % 5) {
        if (saved > wal_next(w))
            append_until(w, saved);
        wal_set_saved(w, saved);
        while (append_numbered(w, 0) == WAL_DONE && wal_next(w) < saved + 12)
            assert_true(wal_unsaved_bytes(w) <= wal_capacity(w));
        uint64_t next = wal_next(w);
        wal_close(w);
        w = reopened(WAL_WRITE, saved, next);
    }
    wal_close(w);
}

static void a_full_log_refuses_until_something_is_saved(void **state)
{
    (void)state;
    static const char body[WAL_BLOCK];
    struct wal *w = begin_log(1);
    enum wal_result result = WAL_DONE;

    for (int i = 0; i < 100 && result == WAL_DONE; i++)
        result = wal_append(w, 1, (struct slice){ body, 1000 }, &problem);
    assert_int_equal(result, WAL_FULL);
    assert_int_equal(wal_next(w), 10);
    assert_int_equal(wal_unsaved_bytes(w), wal_capacity(w));
    wal_set_saved(w, 3);
    assert_int_equal(wal_append(w, 1, (struct slice){ body, 1 }, &problem), WAL_FULL);
    wal_set_saved(w, 4);
    assert_int_equal(wal_append(w, 1, (struct slice){ body, 1 }, &problem), WAL_DONE);
    assert_int_equal(wal_next(w), 11);
    wal_close(w);
}

static void a_batch_may_fill_a_segment_and_no_more(void **state)
{
    (void)state;
    static char body[4 * WAL_BLOCK];
    struct wal *w = begin_log(1);
    size_t most = wal_batch_max(w);

    memset(body, 'x', sizeof(body));
    assert_int_equal(wal_append(w, 1, (struct slice){ body, most + 1 }, &problem), WAL_LARGE);
    assert_int_equal(wal_append(w, 5, (struct slice){ body, most }, &problem), WAL_DONE);
    assert_int_equal(wal_append(w, 1, (struct slice){ body, 0 }, &problem), WAL_DONE);
    assert_int_equal(wal_append(w, 1, (struct slice){ body, most }, &problem), WAL_DONE);
    assert_int_equal(wal_append(w, 1, (struct slice){ body, most }, &problem), WAL_FULL);
    assert_int_equal(wal_next(w), 8);
    wal_close(w);
    w = wal_open(path, WAL_WRITE, &problem);
    assert_true(wal_read(w, 1, NULL, &problem));
    assert_int_equal(wal_next(w), 8);
    wal_close(w);
}

static bool visit_none(struct wal_visitor *v, uint64_t first, uint32_t count, struct slice body)
{
    (void)v, (void)first, (void)count, (void)body;
    return false;
}

static void a_visitor_ends_the_reading(void **state)
{
    (void)state;
    struct wal_visitor visitor = { visit_none };
    struct wal *w = begin_log(1);

    append_until(w, 5);
    assert_false(wal_read(w, 1, &visitor, &problem));
    assert_int_equal(wal_next(w), 0);
    assert_true(wal_read(w, wal_next(w) + 1, NULL, &problem));
    wal_close(w);
    w = wal_open(path, WAL_READ, &problem);
    assert_false(wal_read(w, 1, &visitor, &problem));
    assert_int_equal(problem.status, STATUS_STORE);
    wal_close(w);
}

static void a_log_begins_anew_without_more_space(void **state)
{
    (void)state;
    struct wal *w = begin_log(1);
    struct stat before, after;
    struct seen seen;

    append_until(w, 12);
    assert_int_equal(stat(file, &before), 0);
    for (int i = 0; i < 5; i++) {
        assert_true(wal_begin(w, "other", 100, &small, &problem));
        append_until(w, 103 + (uint64_t)i);
    }
    wal_close(w);
    assert_int_equal(stat(file, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_size, before.st_size);
    w = wal_open(path, WAL_WRITE, &problem);
    assert_string_equal(wal_epoch(w), "other");
    assert_true(read_numbered(w, 100, &seen));
    assert_in_range(seen.next, 107, 110);
    assert_true(wal_begin(w, epoch, 5, &(struct wal_shape){ 4, 8 * WAL_BLOCK }, &problem));
    append_until(w, 30);
    uint64_t next = wal_next(w);
    wal_close(w);
    wal_close(reopened(WAL_READ, 5, next));
}

static void a_log_of_one_process_is_not_opened_by_another(void **state)
{
    (void)state;
    struct wal *w = begin_log(1);

    append_until(w, 5);
    assert_null(wal_open(path, WAL_WRITE, &problem));
    assert_int_equal(problem.status, STATUS_BUSY);
    wal_close(reopened(WAL_READ, 1, wal_next(w)));
    wal_close(w);
    assert_true(wal_remove(path, &problem));
    assert_true(wal_remove(path, &problem));
    assert_int_not_equal(access(file, F_OK), 0);
}

/* What both processes know: everything before these serials is saved, or was appended; and how
 * often the log was read. */
static struct shared {
    atomic_uint_fast64_t saved, appended;
    atomic_uint reads;
} * shared;

/* Wait until the log was read so often: the system may let one process run long before the other. */
static void wait_for_reads(unsigned reads)
{
    for (time_t last = time(NULL) + 60; atomic_load(&shared->reads) < reads; sched_yield())
        if (time(NULL) > last)
            _exit(2);
}

static void append_beside(void)
{
    struct wal *w = begin_log(1);

    atomic_store(&shared->appended, 1);
    while (wal_next(w) < SERIALS_MAX - 8) {
        wait_for_reads((unsigned)(wal_next(w) / 32));
        if (append_numbered(w, 0) != WAL_DONE)
            _exit(1);
        atomic_store(&shared->appended, wal_next(w));
        if (wal_next(w) > 2) {
            atomic_store(&shared->saved, wal_next(w) - 2);
            wal_set_saved(w, wal_next(w) - 2);
        }
    }
    wal_close(w);
    _exit(0);
}

static void a_log_is_read_beside_the_process_that_writes(void **state)
{
    int status = 0;

    (void)state;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    atomic_store(&shared->saved, 1);
    pid_t child = fork();
    if (child == 0)
        append_beside();
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct seen seen;
        uint64_t least = atomic_load(&shared->appended), from = atomic_load(&shared->saved);
        struct wal *w = wal_open(path, WAL_READ, &problem);
        bool whole = least > 0 && w != NULL && read_numbered(w, from, &seen);
        if (whole)
            assert_true(wal_next(w) >= least);
        else if (least > 0) /* otherwise it was written over, as it was saved */
            assert_true(problem.status == STATUS_BUSY || atomic_load(&shared->saved) > from);
        if (whole)
            atomic_fetch_add(&shared->reads, 1);
        wal_close(w);
    }
    assert_int_equal(status, 0);
    assert_true(atomic_load(&shared->reads) > 20);
    munmap(shared, sizeof(*shared));
}

/* -- what cannot be ---------------------------------------------------------------------------- */

static void a_shape_epoch_or_serial_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct wal *w = wal_open(path, WAL_WRITE, &problem);

    assert_false(wal_begin(w, epoch, 1, &(struct wal_shape){ 1, 4 * WAL_BLOCK }, &problem));
    assert_false(wal_begin(w, epoch, 1, &(struct wal_shape){ 65, 4 * WAL_BLOCK }, &problem));
    assert_false(wal_begin(w, epoch, 1, &(struct wal_shape){ 3, 4 * WAL_BLOCK + 1 }, &problem));
    assert_false(wal_begin(w, "", 1, &small, &problem));
    assert_false(wal_begin(w, "00112233aabbccdd0", 1, &small, &problem));
    assert_false(wal_begin(w, "a b", 1, &small, &problem));
    assert_false(wal_begin(w, epoch, 0, &small, &problem));
    assert_int_not_equal(access(file, F_OK), 0);
    wal_close(w);
}

/* The limit is as a full disk: a log that is there needs nothing more. */
static void without_space_a_log_is_not_created_and_goes_on(void **state)
{
    (void)state;
    struct rlimit limit;
    struct wal *w = begin_log(1);

    append_until(w, 4);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit full = { WAL_BLOCK + 3 * 4 * WAL_BLOCK, limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    assert_false(wal_begin(w, epoch, 1, &(struct wal_shape){ 8, 8 * WAL_BLOCK }, &problem));
    assert_non_null(strstr(problem.message, strerror(EFBIG)));
    assert_true(wal_reopen(w, &problem));
    while (wal_next(w) < 30) {
        wal_set_saved(w, wal_next(w));
        assert_int_equal(append_numbered(w, 0), WAL_DONE);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    uint64_t next = wal_next(w);
    wal_close(w);
    strcat(file, ".new");
    assert_int_not_equal(access(file, F_OK), 0);
    wal_close(reopened(WAL_READ, next, next));
}

static void a_log_that_was_moved_away_takes_nothing(void **state)
{
    (void)state;
    struct wal *w = begin_log(1);
    char other[112];

    append_until(w, 4);
    uint64_t next = wal_next(w);
    snprintf(other, sizeof(other), "%s.old", file);
    assert_int_equal(rename(file, other), 0);
    while (append_numbered(w, 0) == WAL_DONE) { /* it is looked for once a second */
        assert_true(next < 1000);
        next = wal_next(w);
        wal_set_saved(w, next);
        usleep(20000);
    }
    assert_non_null(strstr(problem.message, "moved away"));
    assert_false(wal_reopen(w, &problem));
    assert_int_equal(rename(other, file), 0);
    assert_int_equal(append_numbered(w, 0), WAL_FAILED);
    assert_true(wal_reopen(w, &problem));
    assert_int_equal(wal_next(w), next);
    append_until(w, next + 2);
    wal_close(w);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_appended_is_read_from_any_serial_on),
        TEST(an_empty_log_is_read),
        TEST(segments_are_written_again_once_they_are_saved),
        TEST(a_full_log_refuses_until_something_is_saved),
        TEST(a_batch_may_fill_a_segment_and_no_more),
        TEST(a_visitor_ends_the_reading),
        TEST(a_log_begins_anew_without_more_space),
        TEST(a_log_of_one_process_is_not_opened_by_another),
        TEST(a_log_is_read_beside_the_process_that_writes),
        TEST(a_shape_epoch_or_serial_that_cannot_be_is_refused),
        TEST(without_space_a_log_is_not_created_and_goes_on),
        TEST(a_log_that_was_moved_away_takes_nothing),
    };

    signal(SIGXFSZ, SIG_IGN);
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
