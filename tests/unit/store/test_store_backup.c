/* SPDX-License-Identifier: Apache-2.0 */
/* Backups of a store that is changed meanwhile: with and without a log, given up at any moment, on a disk
 * that is full or fails, and held by whoever got one.  The pwrite() and clock_gettime() here take the
 * place of the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "daemon/base/log.h"
#include "daemon/store/store_backup.h"
#include "daemon/store/store_saving.h"
#include "tests/unit/support/numbered_tokens.h"

static struct problem problem;
static struct journal *journal;
static uint64_t last;
static atomic_int later;       /* seconds */
static _Atomic ino_t bad_file; /* writes to it fail */
static atomic_bool full;       /* writes to files without a name do, behind their first MiB */

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int error = (int)syscall(SYS_clock_gettime, clock, t);

    t->tv_sec += clock == CLOCK_MONOTONIC_COARSE ? later : 0;
    return error;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    struct stat st;

    if ((bad_file != 0 || full) && fstat(fd, &st) == 0 &&
        (st.st_ino == bad_file || (full && st.st_nlink == 0 && at >= 1 << 20))) {
        errno = st.st_ino == bad_file ? EIO : ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, len, at);
}

static struct store *open_store(bool logged)
{
    struct store *s = store_open(path, STORE_WRITE, &problem);

    if (s == NULL)
        fail_msg("%s", problem.message);
    journal = journal_new(100000);
    last = 0;
    assert_true(store_load_journal(s, journal, &problem));
    assert_true(store_use_log(s, logged ? 4 << 20 : 0, &problem));
    return s;
}

static void close_store(struct store *s)
{
    store_close(s);
    journal_free(journal);
}

static void add(struct store *s, uint64_t count)
{
    save(s, journal, last + 1, last + count);
    last += count;
}

static unsigned open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void step(struct store *s)
{
    store_step(s);
    store_backup_step(s, journal_newest(journal));
}

/* Make a backup, and change the store meanwhile by so many tokens at a time. */
static enum backup_progress make(struct store *s, uint64_t count, struct backup_result *result)
{
    enum backup_progress progress;

    if (!store_backup_begin(s, &problem))
        return BACKUP_FAILED;
    while ((progress = store_backup_take(s, result, &problem)) == BACKUP_GOES_ON) {
        if (count > 0)
            add(s, count);
        step(s);
    }
    return progress;
}

/* Check that the copy is a store of the tokens up to its serial, and that it has no log; close it. */
static void check_copy(const struct backup_result *result)
{
    char name[sizeof(path) + 8], command[256];
    struct counted counted;
    struct stat st;

    assert_int_equal(fstat(result->descriptor, &st), 0);
    assert_int_equal(st.st_size, result->size);
    assert_int_equal(st.st_nlink, 0);
    assert_int_equal(fcntl(result->descriptor, F_GETFL) & O_ACCMODE, O_RDONLY);
    snprintf(name, sizeof(name), "%s.copy", path);
    snprintf(command, sizeof(command), "cat /proc/self/fd/%d > %s", result->descriptor, name);
    fcntl(result->descriptor, F_SETFD, 0);
    assert_int_equal(system(command), 0);
    close(result->descriptor);
    struct store *s = store_open(name, STORE_READ, &problem);
    if (s == NULL)
        fail_msg("%s", problem.message);
    struct journal *j = journal_new(100000);
    assert_true(store_load_journal(s, j, &problem));
    assert_int_equal(journal_newest(j), result->serial);
    assert_true(count_tokens(s, &counted, &problem));
    assert_int_equal(counted.count, result->serial);
    assert_int_equal(counted.sum, result->serial * (result->serial + 1) / 2);
    journal_free(j);
    store_close(s);
    unlink(name);
}

static void a_backup_is_whole_whatever_is_changed_meanwhile(void **state)
{
    struct backup_result result;

    (void)state;
    for (int logged = 0; logged < 2; logged++) {
        struct store *s = open_store(logged);
        for (int i = 0; i < 10; i++) {
            uint64_t before = last;
            assert_int_equal(make(s, (uint64_t)i * 7, &result), BACKUP_DONE);
            assert_in_range(result.serial, before, last);
            check_copy(&result);
        }
        assert_true(last > 100);
        assert_int_equal(store_saving(s).failures, 0);
        close_store(s);
        unlink(path);
    }
}

static void one_that_is_given_up_at_any_moment_leaves_nothing(void **state)
{
    struct backup_result result;

    (void)state;
    for (int logged = 0; logged < 2; logged++) {
        struct store *s = open_store(logged);
        add(s, 2000);
        assert_int_equal(make(s, 1, &result), BACKUP_DONE);
        check_copy(&result);
        later++;
        step(s);
        unsigned before = open_files();
        for (int steps = 0; steps < 40; steps++) {
            while (!store_backup_begin(s, &problem))
                step(s);
            for (int i = 0; i < steps; i++)
                step(s);
            store_backup_cancel(s);
        }
        later += 5; /* what was not checkpointed is */
        for (unsigned i = 0; open_files() > before; i++) {
            assert_in_range(i, 0, 10000);
            step(s);
            usleep(1000);
        }
        assert_true(store_backup_begin(s, &problem));
        close_store(s); /* and it ends with the store */
        unlink(path);
    }
}

static void there_is_one_until_it_is_let_go_or_an_hour_is_over(void **state)
{
    struct backup_result result, second;
    struct stat st;

    (void)state;
    struct store *s = open_store(true);
    add(s, 100);
    assert_true(store_backup_begin(s, &problem));
    assert_false(store_backup_begin(s, &problem));
    assert_int_equal(problem.status, STATUS_BUSY);
    while (store_backup_take(s, &result, &problem) == BACKUP_GOES_ON)
        step(s);
    assert_false(store_backup_begin(s, &problem));
    assert_int_equal(problem.status, STATUS_BUSY);
    later += 3500;
    step(s);
    assert_int_equal(fstat(result.descriptor, &st), 0);
    assert_int_equal(st.st_size, result.size);
    assert_false(store_backup_begin(s, &problem));
    later += 200;
    step(s);
    assert_int_equal(fstat(result.descriptor, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(make(s, 3, &second), BACKUP_DONE);
    close(result.descriptor);
    check_copy(&second);
    assert_int_equal(make(s, 3, &second), BACKUP_DONE);
    check_copy(&second);
    close_store(s);
}

static void a_disk_that_gets_full_meanwhile_fails_it_alone(void **state)
{
    struct backup_result result;

    (void)state;
    for (int logged = 0; logged < 2; logged++) {
        struct store *s = open_store(logged);
        add(s, 100);
        full = true;
        assert_int_equal(make(s, 5, &result), BACKUP_FAILED);
        assert_int_equal(problem.status, STATUS_STORE);
        assert_non_null(strstr(problem.message, "No space left on device; make space"));
        full = false;
        assert_int_equal(store_saving(s).failures, 0);
        while (!store_backup_begin(s, &problem))
            step(s);
        store_backup_cancel(s);
        assert_true(store_save(s, &problem));
        close_store(s);
        unlink(path);
    }
}

static void a_store_whose_file_cannot_be_written_has_none(void **state)
{
    struct backup_result result;
    struct stat st;

    (void)state;
    struct store *s = open_store(true);
    add(s, 100);
    assert_int_equal(stat(path, &st), 0);
    bad_file = st.st_ino;
    assert_int_equal(make(s, 5, &result), BACKUP_FAILED);
    assert_non_null(strstr(problem.message, "the store's file cannot be written"));
    add(s, 5); /* the log goes on */
    bad_file = 0;
    do {
        later++;
        step(s);
    } while (make(s, 5, &result) != BACKUP_DONE);
    check_copy(&result);
    assert_true(store_save(s, &problem));
    close_store(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_backup_is_whole_whatever_is_changed_meanwhile),
        WITH_DIRECTORY(one_that_is_given_up_at_any_moment_leaves_nothing),
        WITH_DIRECTORY(there_is_one_until_it_is_let_go_or_an_hour_is_over),
        WITH_DIRECTORY(a_disk_that_gets_full_meanwhile_fails_it_alone),
        WITH_DIRECTORY(a_store_whose_file_cannot_be_written_has_none),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
