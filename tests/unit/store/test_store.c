/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store/tdb_file.h"
#include "tests/unit/support/numbered_tokens.h"

static void tokens_and_journal_survive_a_reopen(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct journal *j = journal_new(1000);
    struct record r = record_numbered(7), back;
    struct counted shown;

    assert_non_null(s);
    for (uint64_t i = 0; i < 20; i++)
        save(s, j, i * 50 + 1, i * 50 + 50);
    store_close(s);
    journal_clear(j);
    s = store_open(path, STORE_WRITE, &problem);
    assert_non_null(s);
    assert_true(store_load_journal(s, j, &problem));
    assert_int_equal(journal_newest(j), 1000);
    assert_int_equal(journal_tokens(j), 1000);
    assert_true(count_tokens(s, &shown, &problem));
    assert_int_equal(shown.count, 1000);
    assert_int_equal(shown.sum, 1000 * 1001 / 2);
    assert_int_equal(store_get(s, r.digest, &back), STORE_FOUND);
    assert_int_equal(back.serial, 7);
    store_close(s);
    journal_free(j);
}

static void an_abandoned_transaction_leaves_nothing(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct record r = record_numbered(1), back;

    assert_true(store_begin(s));
    assert_true(store_put(s, &r));
    store_abandon(s);
    assert_true(store_reopen(s, &problem));
    assert_int_equal(store_get(s, r.digest, &back), STORE_ABSENT);
    store_close(s);
}

static void a_second_daemon_is_refused(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);

    assert_non_null(s);
    assert_null(store_open(path, STORE_WRITE, &problem));
    assert_non_null(strstr(problem.message, "in use by another jetond"));
    store_close(s);
}

/* Fork a process that waits for a byte and then run `body`: TDB refuses a second open in one
 * process. */
static pid_t other_process(bool (*body)(void), int *start)
{
    int ends[2];
    char byte;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(read(ends[0], &byte, 1) == 1 && body() ? 0 : 1);
    close(ends[0]);
    *start = ends[1];
    return child;
}

static void let_start(int *start)
{
    assert_int_equal(write(*start, "", 1), 1);
    close(*start);
}

static bool hard_link_is_in_use(void)
{
    struct problem problem;
    char other[96];

    snprintf(other, sizeof(other), "%s/hard.tdb", directory);
    return link(path, other) == 0 && store_open(other, STORE_WRITE, &problem) == NULL &&
           strstr(problem.message, "in use by another jetond") != NULL;
}

static void another_name_does_not_evade_the_lock(void **state)
{
    (void)state;
    struct problem problem;
    int status, start;
    pid_t other = other_process(hard_link_is_in_use, &start);
    struct store *s = store_open(path, STORE_WRITE, &problem);

    assert_non_null(s);
    let_start(&start);
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(status, 0);
    store_close(s);
}

/* TDB leaves an error code behind when a file grows inside a transaction, although nothing
 * failed. */
static void a_commit_that_makes_the_file_grow_is_done(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct journal *j = journal_new(1000000);
    uint64_t was = store_size(s);

    for (int i = 0; i < 100; i++) {
        assert_true(store_begin(s));
        assert_int_equal(journal_begin(j), 0);
        while (note_create(j))
            continue;
        journal_end(j, 0);
        assert_true(store_put_journal(s, j));
        assert_true(store_commit(s));
    }
    assert_true(store_size(s) > was);
    store_close(s);
    journal_free(j);
}

enum { TOP = 168 }; /* of TDB's free list */

static uint32_t word_at(int fd, off_t at)
{
    uint32_t word = 0;

    assert_int_equal(pread(fd, &word, sizeof(word), at), sizeof(word));
    return word;
}

/* Walk over TDB's free list: a record begins with the offset of the next one and its own length. */
static void every_free_piece_of_the_file_can_be_used(void **state)
{
    (void)state;
    enum { HEADER = 24, SMALLEST = 256 };
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct journal *j = journal_new(10000);
    char text[DESCRIPTION_MAX];
    int pieces = 0, fd;

    for (uint64_t i = 0; i < 20; i++)
        save(s, j, i * 50 + 1, i * 50 + 50);
    for (uint64_t i = 1; i <= 500; i++) {
        struct record r = record_numbered(2 * i);
        memset(text, 'd', sizeof(text));
        record_set_description(&r, (struct slice){ text, i % DESCRIPTION_MAX });
        assert_true(store_begin(s) && store_put(s, &r) && store_commit(s));
    }
    store_close(s);
    journal_free(j);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    for (uint32_t at = word_at(fd, TOP); at != 0; at = word_at(fd, at), pieces++)
        assert_int_equal((HEADER + word_at(fd, at + 4)) % SMALLEST, 0);
    assert_true(pieces > 0);
    close(fd);
}

static uint64_t free_bytes(int fd)
{
    uint64_t bytes = 0;

    for (uint32_t at = word_at(fd, TOP); at != 0; at = word_at(fd, at))
        bytes += word_at(fd, at + 4);
    return bytes;
}

static void put_value(struct tdb_context *tdb, size_t len)
{
    static char bytes[JOURNAL_BLOCK];

    assert_int_equal(tdb_store(tdb, tdb_file_datum(slice_of("key")),
                               tdb_file_datum((struct slice){ bytes, len }), TDB_REPLACE),
                     0);
}

static void a_value_grows_to_fill_its_place(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 225, 226, 4000, 5000, JOURNAL_BLOCK };
    char other[96];

    snprintf(other, sizeof(other), "%s.other", path);
    struct tdb_context *tdb = tdb_open(other, 131, TDB_NOMMAP | TDB_NOSYNC, O_RDWR | O_CREAT, 0600);
    assert_non_null(tdb);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_value(tdb, tdb_file_place(3, sizes[i]));
        uint64_t free_before = free_bytes(tdb_fd(tdb));
        put_value(tdb, sizes[i] / 2);
        put_value(tdb, sizes[i]);
        assert_true(free_bytes(tdb_fd(tdb)) == free_before);
        assert_int_equal(tdb_delete(tdb, tdb_file_datum(slice_of("key"))), 0);
    }
    tdb_close(tdb);
}

static void a_file_put_in_the_stores_place_is_left_alone(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    char aside[96];

    assert_non_null(s);
    snprintf(aside, sizeof(aside), "%s/aside.tdb", directory);
    assert_int_equal(rename(path, aside), 0);
    assert_false(store_begin(s));
    assert_false(store_reopen(s, &problem));
    char command[256];
    snprintf(command, sizeof(command), "cp %s %s", aside, path);
    assert_int_equal(system(command), 0);
    assert_false(store_reopen(s, &problem));
    assert_non_null(strstr(problem.message, "was replaced"));
    assert_int_equal(rename(aside, path), 0);
    assert_true(store_reopen(s, &problem));
    assert_true(store_begin(s));
    store_abandon(s);
    store_close(s);
}

static void a_backup_can_take_the_stores_place(void **state)
{
    (void)state;
    struct problem problem;
    struct journal *j = journal_new(1000);
    struct store *s = store_open(path, STORE_WRITE, &problem);
    char command[256];
    struct counted shown;

    save(s, j, 1, 200);
    snprintf(command, sizeof(command), "cd %s && tdbbackup t.tdb && rm t.tdb && mv t.tdb.bak t.tdb",
             directory);
    assert_int_equal(system(command), 0);
    store_close(s);
    journal_clear(j);
    s = store_open(path, STORE_WRITE, &problem);
    assert_non_null(s);
    assert_true(store_load_journal(s, j, &problem));
    assert_true(count_tokens(s, &shown, &problem));
    assert_int_equal(shown.count, 200);
    assert_int_equal(shown.sum, 200 * 201 / 2);
    save(s, j, 201, 300);
    store_close(s);
    journal_free(j);
}

static void write_file(const char *bytes, size_t len)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void garbage_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    struct problem problem;
    struct stat st;

    for (size_t len = 0; len < 9000; len += 4100) {
        char bytes[9000];
        memset(bytes, 'g', sizeof(bytes));
        write_file(bytes, len);
        assert_null(store_open(path, STORE_WRITE, &problem));
        assert_non_null(strstr(problem.message, "is not a TDB file"));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, len);
    }
}

enum { RECOVERY_START = 44 }; /* of TDB's header */

static void put_word(int fd, off_t at, uint32_t word)
{
    assert_int_equal(pwrite(fd, &word, sizeof(word), at), sizeof(word));
}

/* Damage the file as a power failure does when the disk has the pointer to a commit's recovery
 * record, but not yet the new length of the file: the record is wholly or partly behind the end. */
static void a_recovery_record_behind_the_end_is_cleared(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct journal *j = journal_new(1000);
    struct record back;
    struct stat st;

    save(s, j, 1, 10);
    store_close(s);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    for (uint64_t i = 1; i <= 3; i++) {
        put_word(fd, RECOVERY_START, (uint32_t)st.st_size + (i == 1 ? 126976 : i == 2 ? 0 : -8));
        assert_null(store_open(path, STORE_READ, &problem));
        assert_int_equal(problem.status, STATUS_BUSY);
        assert_int_not_equal(word_at(fd, RECOVERY_START), 0);
        s = store_open(path, STORE_WRITE, &problem);
        assert_non_null(s);
        assert_int_equal(store_get(s, record_numbered(7).digest, &back), STORE_FOUND);
        save(s, j, 10 * i + 1, 10 * i + 10);
        store_close(s);
        assert_int_equal(fstat(fd, &st), 0);
    }
    close(fd);
    journal_free(j);
}

/* Leave such a file alone while another process has it open, by whatever name. */
static void a_recovery_record_is_not_cleared_while_the_file_is_in_use(void **state)
{
    (void)state;
    struct problem problem;
    struct stat st;

    store_close(store_open(path, STORE_WRITE, &problem));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(fstat(fd, &st), 0);
    put_word(fd, RECOVERY_START, (uint32_t)st.st_size);
    assert_null(store_open(path, STORE_WRITE, &problem));
    assert_non_null(strstr(problem.message, "in use by another jetond"));
    assert_int_equal(word_at(fd, RECOVERY_START), st.st_size);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(tokens_and_journal_survive_a_reopen),
        WITH_DIRECTORY(an_abandoned_transaction_leaves_nothing),
        WITH_DIRECTORY(a_second_daemon_is_refused),
        WITH_DIRECTORY(another_name_does_not_evade_the_lock),
        WITH_DIRECTORY(a_commit_that_makes_the_file_grow_is_done),
        WITH_DIRECTORY(every_free_piece_of_the_file_can_be_used),
        WITH_DIRECTORY(a_value_grows_to_fill_its_place),
        WITH_DIRECTORY(a_file_put_in_the_stores_place_is_left_alone),
        WITH_DIRECTORY(a_backup_can_take_the_stores_place),
        WITH_DIRECTORY(garbage_is_refused_and_left_as_it_is),
        WITH_DIRECTORY(a_recovery_record_behind_the_end_is_cleared),
        WITH_DIRECTORY(a_recovery_record_is_not_cleared_while_the_file_is_in_use),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
