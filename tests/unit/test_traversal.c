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

/* Large enough to be walked over chain by chain: it has been larger. */
static void make_large(void)
{
    static char bytes[17 * 1000 * 1000];
    struct tdb_context *tdb = tdb_open(path, 0, TDB_NOMMAP, O_RDWR, 0);
    TDB_DATA key = { (unsigned char *)"large", 5 };

    assert_non_null(tdb);
    assert_int_equal(tdb_store(tdb, key, (TDB_DATA){ (unsigned char *)bytes, sizeof(bytes) },
                               TDB_INSERT), 0);
    assert_int_equal(tdb_delete(tdb, key), 0);
    tdb_close(tdb);
}

static void each_token_of_a_large_store_is_shown_once(void **state)
{
    (void)state;
    struct problem problem;
    struct journal *j = journal_new(10000);
    struct store *s = store_open(path, STORE_WRITE, &problem);
    uint64_t count;

    save(s, j, 1, 3000);
    store_close(s);
    make_large();
    s = store_open(path, STORE_WRITE, &problem);
    assert_true(store_count_tokens(s, &count, &problem));
    assert_int_equal(count, 3000);
    struct guest guest = { .visitor = { &guest.record, ask_for_two } };
    assert_false(store_load_tokens(s, &guest.visitor, &problem));
    assert_int_equal(guest.shown, 2);
    store_close(s);
    journal_free(j);
}

static void what_is_wrong_in_a_large_store_is_named(void **state)
{
    (void)state;
    struct problem problem;

    store_close(store_open(path, STORE_WRITE, &problem));
    make_large();
    put_foreign("other", "x", 1);
    refused_naming("record other: a record that is not jeton's");
}

/* The file's bytes, to be damaged. */
struct image {
    char *at;
    size_t size;
};

static struct image open_image(void)
{
    struct stat st;
    int fd = open(path, O_RDWR);

    assert_int_equal(fstat(fd, &st), 0);
    char *at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    close(fd);
    return (struct image){ at, (size_t)st.st_size };
}

/* Where the head of a token's record is, which begins with the next one's place. */
static uint32_t head_of(struct image image, uint64_t number)
{
    enum { HEAD = 24 };
    struct record r = record_numbered(number);
    char key[RECORD_KEY_SIZE];

    record_key(r.digest, key);
    const char *at = memmem(image.at, image.size, key, sizeof(key));
    assert_non_null(at);
    return (uint32_t)(at - image.at) - HEAD;
}

static void three_tokens_in_a_circle(bool large)
{
    struct problem problem;
    struct journal *j = journal_new(1000);
    struct store *s = store_open(path, STORE_WRITE, &problem);

    save(s, j, 1, 3);
    store_close(s);
    journal_free(j);
    if (large)
        make_large();
    struct image image = open_image();
    uint32_t one = head_of(image, 1), other = head_of(image, 2);
    memcpy(image.at + one, &other, sizeof(other));
    memcpy(image.at + other, &one, sizeof(one));
    munmap(image.at, image.size);
}

static void a_chain_that_runs_in_a_circle_is_named(void **state)
{
    (void)state;
    three_tokens_in_a_circle(false);
    refused_naming("the file's hash chains run in a circle");
}

static void a_circle_in_a_large_store_ends(void **state)
{
    (void)state;
    three_tokens_in_a_circle(true);
    refused_naming("damaged");
}

/* Each is short; all of them together show more records than there is room for. */
static void chains_that_all_lead_to_one_record_end(void **state)
{
    (void)state;
    enum { CHAINS = 1000003, FIRST_CHAIN = 168 + sizeof(uint32_t) };
    struct problem problem;
    struct journal *j = journal_new(1000);
    struct store *s = store_open(path, STORE_WRITE, &problem);

    save(s, j, 1, 3);
    store_close(s);
    journal_free(j);
    make_large();
    struct image image = open_image();
    uint32_t one = head_of(image, 1), *chain = (uint32_t *)(void *)(image.at + FIRST_CHAIN);
    for (size_t i = 0; i < CHAINS; i++)
        if (chain[i] == 0)
            chain[i] = one;
    munmap(image.at, image.size);
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
        WITH_DIRECTORY(each_token_of_a_large_store_is_shown_once),
        WITH_DIRECTORY(what_is_wrong_in_a_large_store_is_named),
        WITH_DIRECTORY(a_chain_that_runs_in_a_circle_is_named),
        WITH_DIRECTORY(a_circle_in_a_large_store_ends),
        WITH_DIRECTORY(chains_that_all_lead_to_one_record_end),
        WITH_DIRECTORY(a_newer_version_and_foreign_records_are_named),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
