/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer has in memory after transactions that failed: no more and no less than the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <sodium.h>
#include <stdio.h>
#include <tdb.h>

#include "tests/unit/support/writer_fixture.h"

static const struct slice ann = SLICE("ann"), bob = SLICE("bob");

static enum { WORKS, FAILS, FAILS_WHEN_DONE } commits;

/* Replace TDB's function with one that fails, before or after it has done its work. */
int tdb_transaction_commit(struct tdb_context *tdb)
{
    static int (*real)(struct tdb_context *);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "tdb_transaction_commit");
    int result = commits == FAILS ? -1 : real(tdb);
    return commits == WORKS ? result : -1;
}

static struct change *about(const struct change_kind *kind, uint64_t number, struct slice subject)
{
    struct change *c = change_about(kind, number);

    c->given = KEY_BIT(KEY_SUBJECT);
    assert_null(record_set_subject(&c->want, subject));
    return c;
}

static uint64_t count(struct slice subject)
{
    return subject_index_count(&writer.subjects, subject, 1000);
}

static bool is_of(struct slice subject, uint64_t number)
{
    struct creation_entry found = { .serial = 0 };
    uint8_t digest[DIGEST_SIZE];

    digest_numbered(number, digest);
    while (subject_index_next(&writer.subjects, subject, found.created, found.serial, &found))
        if (memcmp(found.id, digest, ID_SIZE) == 0)
            return true;
    return false;
}

/* Make tokens 1 and 2 of ann, and the index. */
static void start_with_index(void)
{
    commits = WORKS;
    start();
    for (uint64_t i = 1; i <= 2; i++) {
        post_change(about(&change_create, i, ann));
        assert_int_equal(work_and_answer(), STATUS_OK);
    }
    assert_true(subject_index_build(&writer.subjects, &writer.index, writer.token_table));
    assert_int_equal(count(ann), 2);
}

/* Give token 1 to bob, delete 2 and make 3, in one transaction. */
static void change_all(void)
{
    post_change(about(&change_update, 1, bob));
    post(&change_delete, 2);
    post_change(about(&change_create, 3, ann));
    commit_collect(&writer);
    assert_true(commit_batch(&writer, NOW));
}

static void retry(void)
{
    commit_retry(&writer);
    while (commit_batch(&writer, NOW))
        continue;
}

static void take_answers(enum status status, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(answer(), status);
}

static void a_transaction_that_failed_leaves_the_index_by_subject(void **state)
{
    (void)state;
    start_with_index();
    commits = FAILS;
    change_all();
    take_answers(STATUS_STORE, 3);
    for (int times = 0; times < 2; times++) {
        assert_true(writer.subjects.built);
        assert_int_equal(count(ann), 2);
        assert_int_equal(count(bob), 0);
        commits = WORKS;
        retry();
    }
    change_all();
    take_answers(STATUS_OK, 3);
    assert_int_equal(count(ann), 1);
    assert_true(is_of(ann, 3) && is_of(bob, 1));
    stop();
}

static void what_was_done_although_it_failed_is_in_the_index_by_subject(void **state)
{
    (void)state;
    start_with_index();
    commits = FAILS_WHEN_DONE;
    change_all();
    take_answers(STATUS_STORE, 3);
    commits = WORKS;
    retry();
    assert_true(writer.subjects.built);
    assert_int_equal(count(ann), 1);
    assert_int_equal(count(bob), 1);
    assert_true(is_of(ann, 3) && is_of(bob, 1));
    assert_int_equal(flags_of(2), 0);
    stop();
}

/* Otherwise each batch of a user would make the writer go over all tokens for the next list. */
static void a_broken_store_leaves_the_index_by_subject(void **state)
{
    (void)state;
    char aside[96];

    start_with_index();
    snprintf(aside, sizeof(aside), "%s/aside.tdb", directory);
    assert_int_equal(rename(path, aside), 0);
    commits = FAILS;
    for (int times = 0; times < 3; times++) {
        change_all();
        take_answers(STATUS_STORE, 3);
        assert_true(writer.disk_failure.broken && writer.subjects.built);
        assert_true(count(ann) == 2 && is_of(ann, 1) && is_of(ann, 2));
    }
    assert_int_equal(rename(aside, path), 0);
    commits = WORKS;
    retry();
    assert_false(writer.disk_failure.broken);
    assert_true(count(ann) <= 2 && count(ann) + count(bob) <= 3);
    stop();
}

/* The token is known by the SHA-256 of the value that the ban shows. */
static void an_unsaved_ban_of_a_value_revokes_the_token_of_its_sha256(void **state)
{
    (void)state;
    struct change *import = change_about(&change_import, 1), *ban = ban_of(2);
    struct record r;

    commits = WORKS;
    start();
    import->want.digest_alg = DIGEST_ALG_SHA256;
    post_change(import);
    assert_int_equal(work_and_answer(), STATUS_OK);
    ban->has_sha256 = true;
    digest_numbered(1, ban->sha256);
    commits = FAILS;
    post_change(ban);
    assert_int_equal(work_and_answer(), STATUS_STORE);
    assert_non_null(strstr(problem.message, "in force now, but not saved"));
    assert_true(flags_of(1) & SLOT_REVOKED);
    assert_int_equal(ask(&change_enable, 1), STATUS_STORE);
    commits = WORKS;
    retry();
    digest_numbered(1, r.digest);
    assert_int_equal(store_get(writer.store, r.digest, &r), STORE_FOUND);
    assert_int_not_equal(r.revoked, 0);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_transaction_that_failed_leaves_the_index_by_subject),
        WITH_DIRECTORY(what_was_done_although_it_failed_is_in_the_index_by_subject),
        WITH_DIRECTORY(a_broken_store_leaves_the_index_by_subject),
        WITH_DIRECTORY(an_unsaved_ban_of_a_value_revokes_the_token_of_its_sha256),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
