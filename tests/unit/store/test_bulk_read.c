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

#include "tests/unit/support/numbered_tokens.h"

enum { PAGE = 4096 };

static void a_truncated_store_is_refused(void **state)
{
    (void)state;
    struct problem problem;
    struct journal *j = journal_new(1000);
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct stat st;
    struct counted shown;

    save(s, j, 1, 300);
    store_close(s);
    assert_int_equal(stat(path, &st), 0);
    for (off_t size = PAGE; size < st.st_size; size += st.st_size / 7 / PAGE * PAGE) {
        assert_int_equal(truncate(path, st.st_size), 0);
        assert_int_equal(truncate(path, size), 0);
        journal_clear(j);
        s = store_open(path, STORE_WRITE, &problem);
        bool whole = s != NULL && store_load_journal(s, j, &problem) &&
                     count_tokens(s, &shown, &problem) && shown.count == journal_tokens(j);
        assert_false(whole);
        store_close(s);
    }
    journal_free(j);
}

/* Put a record into the file, without the store. */
static void put_foreign(const char *key, const void *bytes, size_t len)
{
    struct tdb_context *tdb = tdb_open(path, 0, TDB_NOMMAP, O_RDWR, 0);

    assert_non_null(tdb);
    assert_int_equal(tdb_store(tdb, (TDB_DATA){ (unsigned char *)key, strlen(key) },
                               (TDB_DATA){ (unsigned char *)bytes, len }, TDB_REPLACE),
                     0);
    tdb_close(tdb);
}

static void refused_naming(const char *what)
{
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct counted shown;

    assert_non_null(s);
    assert_false(count_tokens(s, &shown, &problem));
    assert_non_null(strstr(problem.message, what));
    store_close(s);
}

/* Name the key however large the record is, and even if its beginning alone would be a record. */
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

struct limited_visitor {
    struct record_visitor visitor;
    struct record record;
    int shown;
};

static bool accept_one(struct record_visitor *visitor)
{
    return ++((struct limited_visitor *)visitor)->shown < 2;
}

static void a_visitor_without_memory_is_not_called_again(void **state)
{
    (void)state;
    struct problem problem;
    struct journal *j = journal_new(1000);
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct limited_visitor limited = { .visitor = { .record = &limited.record,
                                                    .visit = accept_one } };

    save(s, j, 1, 300);
    assert_false(store_load_tokens(s, &limited.visitor, &problem));
    assert_int_equal(limited.shown, 2);
    assert_non_null(strstr(problem.message, "no memory for 2 tokens"));
    store_close(s);
    journal_free(j);
}

/* The bytes of the file, to be damaged: a header, the heads of all chains, records. */
struct image {
    char *at;
    size_t size;
    uint32_t *chain;
};

struct head {
    uint32_t next;
    uint32_t capacity;
    uint32_t key_len;
    uint32_t value_len;
    uint32_t hash;
    uint32_t magic;
};

enum { CHAINS = 1000003, FIRST_CHAIN = 168 + sizeof(uint32_t) };
#define DEAD UINT32_C(0xfee1dead)

static void open_image(struct image *image)
{
    struct stat st;
    int fd = open(path, O_RDWR);

    assert_int_equal(fstat(fd, &st), 0);
    image->size = (size_t)st.st_size;
    image->at = mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(image->at, MAP_FAILED);
    image->chain = (uint32_t *)(void *)(image->at + FIRST_CHAIN);
    close(fd);
}

static void close_image(struct image *image)
{
    munmap(image->at, image->size);
}

static struct image store_of(uint64_t tokens)
{
    struct problem problem;
    struct journal *j = journal_new(1000);
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct image image;

    save(s, j, 1, tokens);
    store_close(s);
    journal_free(j);
    open_image(&image);
    return image;
}

static struct head *head_at(struct image *image, uint32_t place)
{
    return (struct head *)(void *)(image->at + place);
}

static uint32_t place_of(const struct image *image, uint64_t number)
{
    struct record r = record_numbered(number);
    char key[RECORD_KEY_SIZE];

    record_key(r.digest, key);
    const char *at = memmem(image->at, image->size, key, sizeof(key));
    assert_non_null(at);
    return (uint32_t)((size_t)(at - image->at) - sizeof(struct head));
}

/* Move a token, the first of its chain, to the front of another chain. */
static void move_to(struct image *image, uint64_t number, size_t chain)
{
    uint32_t place = place_of(image, number);
    size_t from = 0;

    while (image->chain[from] != place)
        assert_true(++from < CHAINS);
    image->chain[from] = head_at(image, place)->next;
    head_at(image, place)->next = image->chain[chain];
    image->chain[chain] = place;
}

static void each_token_of_each_chain_is_shown_once(void **state)
{
    (void)state;
    enum { TOKENS = 50 };
    static const size_t chains[] = { 0, 1, 4095, 4096, 4097, CHAINS / 2, CHAINS - 2, CHAINS - 1 };
    struct problem problem;
    struct counted shown;
    struct image image = store_of(TOKENS);

    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
        move_to(&image, i + 1, chains[i]);
    close_image(&image);
    struct store *s = store_open(path, STORE_READ, &problem);
    assert_true(count_tokens(s, &shown, &problem));
    assert_int_equal(shown.count, TOKENS);
    assert_int_equal(shown.sum, TOKENS * (TOKENS + 1) / 2);
    store_close(s);
}

static void two_in_a_circle(bool dead)
{
    struct image image = store_of(3);
    uint32_t one = place_of(&image, 1), other = place_of(&image, 2);

    head_at(&image, one)->next = other;
    head_at(&image, other)->next = one;
    if (dead)
        head_at(&image, one)->magic = head_at(&image, other)->magic = DEAD;
    close_image(&image);
    refused_naming("is damaged");
}

static void a_chain_that_runs_in_a_circle_ends(void **state)
{
    (void)state;
    two_in_a_circle(false);
}

/* TDB does not show dead records, and a walk of its own would go round these for ever. */
static void a_circle_of_dead_records_ends(void **state)
{
    (void)state;
    two_in_a_circle(true);
}

/* Each chain is short; all together they link more than the file holds. */
static void chains_that_all_lead_to_one_record_end(void **state)
{
    (void)state;
    struct image image = store_of(3);
    uint32_t one = place_of(&image, 1);

    for (size_t i = 0; i < CHAINS; i++)
        if (image.chain[i] == 0)
            image.chain[i] = one;
    close_image(&image);
    refused_naming("the file's hash chains meet there");
}

/* TDB logs nothing about this damage. */
static void a_record_larger_than_its_place_is_damage(void **state)
{
    (void)state;
    struct image image = store_of(3);
    struct head *head = head_at(&image, place_of(&image, 2));

    head->capacity = head->key_len + head->value_len - 1;
    close_image(&image);
    refused_naming("is damaged: a record does not fit into it");
}

static void a_chain_that_leads_out_of_the_file_is_damage(void **state)
{
    (void)state;
    struct image image = store_of(3);

    image.chain[CHAINS - 1] = (uint32_t)image.size + 4096;
    close_image(&image);
    refused_naming("is damaged");
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
        WITH_DIRECTORY(a_visitor_without_memory_is_not_called_again),
        WITH_DIRECTORY(each_token_of_each_chain_is_shown_once),
        WITH_DIRECTORY(a_chain_that_runs_in_a_circle_ends),
        WITH_DIRECTORY(a_circle_of_dead_records_ends),
        WITH_DIRECTORY(chains_that_all_lead_to_one_record_end),
        WITH_DIRECTORY(a_record_larger_than_its_place_is_damage),
        WITH_DIRECTORY(a_chain_that_leads_out_of_the_file_is_damage),
        WITH_DIRECTORY(a_newer_version_and_foreign_records_are_named),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
