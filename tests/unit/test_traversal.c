/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <tdb.h>

#include "tests/unit/numbered.h"

static void a_truncated_store_is_refused(void **state)
{
    (void)state;
    struct problem problem;
    struct journal *j = journal_new(1000);
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct stat st;
    uint64_t count = 0;

    save(s, j, 1, 300);
    store_close(s);
    assert_int_equal(stat(path, &st), 0);
    for (off_t size = 4096; size < st.st_size; size += st.st_size / 7) {
        assert_int_equal(truncate(path, st.st_size), 0);
        assert_int_equal(truncate(path, size), 0);
        journal_clear(j);
        count = 0;
        s = store_open(path, STORE_WRITE, &problem);
        bool whole = s != NULL && store_load_journal(s, j, &problem) &&
                     store_count_tokens(s, &count, &problem) &&
                     count == journal_tokens(j) && count == 300;
        assert_false(whole);
        store_close(s);
    }
    journal_free(j);
}

/* A record under this key, in the file only. */
static void put_foreign(const char *key, const void *bytes, size_t len)
{
    struct tdb_context *tdb = tdb_open(path, 0, TDB_NOMMAP, O_RDWR, 0);

    assert_non_null(tdb);
    assert_int_equal(tdb_store(tdb, (TDB_DATA){ (unsigned char *)key, strlen(key) },
                               (TDB_DATA){ (unsigned char *)bytes, len }, TDB_REPLACE), 0);
    tdb_close(tdb);
}

static void refused_naming(const char *what)
{
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    uint64_t count = 0;

    assert_non_null(s);
    assert_false(store_count_tokens(s, &count, &problem));
    assert_non_null(strstr(problem.message, what));
    store_close(s);
}

/* However large it is, and whatever it would be if only its beginning counted. */
static void a_record_that_is_too_long_is_named(void **state)
{
    (void)state;
    static char bytes[2000000];
    struct problem problem;
    struct record r = record_numbered(1);
    char key[RECORD_KEY_SIZE + 1] = "";
    struct text line = text_in(bytes, RECORD_LINE_MAX);

    store_close(store_open(path, STORE_WRITE, &problem));
    memset(bytes, 'x', sizeof(bytes));
    put_foreign("large", bytes, sizeof(bytes));
    refused_naming("record large: longer than any record");
    put_foreign("large", bytes, RECORD_LINE_MAX);
    refused_naming("record large: a record that is not jeton's");
    assert_int_equal(unlink(path), 0);
    store_close(store_open(path, STORE_WRITE, &problem));
    record_write(&line, &r);
    memset(bytes + line.len, ' ', sizeof(bytes) - line.len);
    bytes[RECORD_LINE_MAX + 4096] = 'x';
    record_key(r.digest, key);
    put_foreign(key, bytes, sizeof(bytes));
    refused_naming("longer than any record");
}

struct guest {
    struct visitor visitor;
    struct record record;
    int shown;
};

static bool ask_for_two(struct visitor *visitor)
{
    return ++((struct guest *)visitor)->shown < 2;
}

static void who_has_no_room_for_more_is_asked_no_more(void **state)
{
    (void)state;
    struct problem problem;
    struct journal *j = journal_new(1000);
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct guest guest = { .visitor = { &guest.record, ask_for_two } };

    save(s, j, 1, 300);
    assert_false(store_load_tokens(s, &guest.visitor, &problem));
    assert_int_equal(guest.shown, 2);
    assert_non_null(strstr(problem.message, "no memory for 2 tokens"));
    store_close(s);
    journal_free(j);
}

/* Where the head of a token's record is in the file, which begins with the next one's place. */
static uint32_t head_of(const char *file, size_t size, uint64_t number)
{
    enum { HEAD = 24 };
    struct record r = record_numbered(number);
    char key[RECORD_KEY_SIZE];

    record_key(r.digest, key);
    const char *at = memmem(file, size, key, sizeof(key));
    assert_non_null(at);
    return (uint32_t)(at - file) - HEAD;
}

static void a_chain_that_runs_in_a_circle_is_named(void **state)
{
    (void)state;
    struct problem problem;
    struct journal *j = journal_new(1000);
    struct store *s = store_open(path, STORE_WRITE, &problem);

    save(s, j, 1, 3);
    size_t size = store_size(s);
    store_close(s);
    journal_free(j);
    int fd = open(path, O_RDWR);
    char *file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(file, MAP_FAILED);
    uint32_t one = head_of(file, size, 1), other = head_of(file, size, 2);
    memcpy(file + one, &other, sizeof(other));
    memcpy(file + other, &one, sizeof(one));
    munmap(file, size);
    close(fd);
    refused_naming("the file's hash chains run in a circle");
}

static void a_newer_version_and_foreign_records_are_named(void **state)
{
    (void)state;
    struct problem problem;

    store_close(store_open(path, STORE_WRITE, &problem));
    put_foreign("other", "x", 1);
    refused_naming("record other: a record that is not jeton's");
    put_foreign("jeton", "v=2 x", 5);
    assert_null(store_open(path, STORE_WRITE, &problem));
    assert_non_null(strstr(problem.message, "newer version"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_truncated_store_is_refused),
        WITH_DIRECTORY(a_record_that_is_too_long_is_named),
        WITH_DIRECTORY(who_has_no_room_for_more_is_asked_no_more),
        WITH_DIRECTORY(a_chain_that_runs_in_a_circle_is_named),
        WITH_DIRECTORY(a_newer_version_and_foreign_records_are_named),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
