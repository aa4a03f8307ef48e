/* SPDX-License-Identifier: Apache-2.0 */
/* pytest: campaign */
/* Run the same few batches of changes on a disk that fails or fills up, and let another call fail
 * each time. */
#include "tests/unit/support/store_setup.h"

#include <dlfcn.h>
#include <sys/resource.h>

/* -- calls of TDB ------------------------------------------------------------------------------ */

/* Replace TDB's own functions with ones that fail as those do without memory. */
static bool tdb_call_failed;

static bool tdb_fails_call(void)
{
    return tdb_call_failed = disk_fails_call(CALL_TDB);
}

static void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    assert_non_null(function);
    return function;
}

int tdb_store(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, int how)
{
    int (*store)(struct tdb_context *, TDB_DATA, TDB_DATA, int);

    *(void **)&store = real("tdb_store");
    return tdb_fails_call() ? -1 : store(tdb, key, value, how);
}

int tdb_delete(struct tdb_context *tdb, TDB_DATA key)
{
    int (*delete_record)(struct tdb_context *, TDB_DATA);

    *(void **)&delete_record = real("tdb_delete");
    return tdb_fails_call() ? -1 : delete_record(tdb, key);
}

TDB_DATA tdb_fetch(struct tdb_context *tdb, TDB_DATA key)
{
    TDB_DATA (*fetch)(struct tdb_context *, TDB_DATA);

    *(void **)&fetch = real("tdb_fetch");
    return tdb_fails_call() ? (TDB_DATA){ NULL, 0 } : fetch(tdb, key);
}

int tdb_transaction_start(struct tdb_context *tdb)
{
    int (*begin)(struct tdb_context *);

    *(void **)&begin = real("tdb_transaction_start");
    return tdb_fails_call() ? -1 : begin(tdb);
}

enum TDB_ERROR tdb_error(struct tdb_context *tdb)
{
    enum TDB_ERROR (*error)(struct tdb_context *);

    *(void **)&error = real("tdb_error");
    return tdb_call_failed ? TDB_ERR_OOM : error(tdb);
}

/* -- every call in turn ------------------------------------------------------------------------ */

static void fail_each(unsigned calls, int error, int how_many)
{
    int count = calls_of_a_life(calls);

    assert_true(count > BATCHES);
    for (int i = 0; i < count; i = next_call(i, count, 12)) {
        begin_life();
        disk.seed = (unsigned)i;
        disk.calls = calls;
        disk.error = error;
        disk.fail_from = i;
        disk.fail_count = how_many;
        disk.armed = true;
        live();
        end_life();
    }
}

static void a_sync_that_fails_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    fail_each(CALL_SYNC, EIO, 1);
    fail_each(CALL_SYNC, EIO, 2);
    fail_each(CALL_SYNC, EIO, 5);
    fail_each(CALL_SYNC, EIO, 1000);
}

static void a_write_that_fails_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    fail_each(CALL_WRITE, ENOSPC, 1);
    fail_each(CALL_WRITE, 0, 1);
    fail_each(CALL_WRITE, ENOSPC, 2);
    fail_each(CALL_WRITE, EIO, 3);
    fail_each(CALL_WRITE | CALL_SYNC | CALL_GROW, EIO, 4);
    fail_each(CALL_WRITE, ENOSPC, 1000);
}

/* TDB reads while a batch is put, in a commit, and in recovery. */
static void a_read_that_fails_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    fail_each(CALL_READ, EIO, 1);
    fail_each(CALL_READ, 0, 1);
    fail_each(CALL_READ, EIO, 3);
    fail_each(CALL_READ | CALL_WRITE, EIO, 20);
    fail_each(CALL_READ, EIO, 100000);
}

/* A put that fails in the middle of a batch leaves the journal in memory ahead of the one in the
 * store, or behind it. */
static void a_call_of_tdb_that_fails_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    fail_each(CALL_TDB, ENOMEM, 1);
    fail_each(CALL_TDB, ENOMEM, 2);
    fail_each(CALL_TDB, ENOMEM, 7);
    fail_each(CALL_TDB | CALL_SYNC, EIO, 3);
    fail_each(CALL_TDB | CALL_READ, EIO, 2);
}

static void a_file_that_cannot_grow_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    fail_each(CALL_WRITE | CALL_GROW, ENOSPC, 1);
    fail_each(CALL_WRITE, 0, 1);
    fail_each(CALL_ANY, EIO, 3);
    fail_each(CALL_ANY, ENOSPC, 5000);
}

/* -- no space -------------------------------------------------------------------------------- */

/* Otherwise a disk that stays full would in the end leave a file that no program can read. */
static void a_file_that_may_not_grow_is_left_as_long_as_it_is(void **state)
{
    (void)state;
    static const struct step create[STEPS_MAX] = { { &change_create, 3, 0 } };
    static const struct step deny[STEPS_MAX] = { { &change_revoke, 1, 0 } };
    enum status answer[STEPS_MAX];
    struct stat was, st;

    begin_life();
    assert_int_equal(stat(path, &was), 0);
    disk.full_at = was.st_size;
    disk.armed = true;
    for (int i = 0; i < 20; i++) {
        run(create, answer);
        assert_int_equal(answer[0], STATUS_STORE);
        run(deny, answer);
        assert_int_equal(fate_in_table(1), REVOKED);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, was.st_size);
    }
    apply(&model[0], deny);
    end_life();
}

/* Not the first time, when TDB adds a recovery area that it uses again. */
static void a_commit_that_is_undone_leaves_the_file_as_long_as_it_was(void **state)
{
    (void)state;
    static const struct step create[STEPS_MAX] = { { &change_create, 3, 0 } };
    enum status answer[STEPS_MAX];
    struct stat was, st;

    begin_life();
    for (int i = 0; i < 20; i++) {
        disk.calls = CALL_SYNC;
        disk.fail_from = i % 3;
        disk.fail_count = 1;
        disk.count = 0;
        disk.armed = true;
        run(create, answer);
        assert_int_equal(answer[0], STATUS_STORE);
        assert_int_equal(stat(path, &st), 0);
        was = i == 0 ? st : was;
        assert_int_equal(st.st_size, was.st_size);
    }
    end_life();
}

static void a_limit_on_file_size_refuses_creation_and_lets_denials_stand(void **state)
{
    (void)state;
    struct rlimit limit;
    struct stat st;
    enum status answer[STEPS_MAX];
    uint8_t token = 8;
    static const struct step deny[STEPS_MAX] = {
        { &change_revoke, 1, 0 },
        { &change_disable, 2, 0 },
    };

    begin_life();
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit small = { (rlim_t)st.st_size / 2, limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    disk.tracked = false;
    run((const struct step[STEPS_MAX]){ { &change_create, token, 0 } }, answer);
    assert_int_equal(answer[0], STATUS_STORE);
    run(deny, answer);
    assert_int_equal(answer[0], STATUS_STORE);
    assert_int_equal(fate_in_table(1), REVOKED);
    assert_int_equal(fate_in_table(2), DISABLED);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    commit_retry(&writer);
    commit_batch(&writer, NOW);
    assert_int_equal(fate_in_store(1), REVOKED);
    assert_int_equal(fate_in_store(2), DISABLED);
    stop();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_SPACE(a_sync_that_fails_loses_nothing_that_was_answered),
        WITH_LOG(a_sync_that_fails_loses_nothing_that_was_answered),
        WITH_SPACE(a_write_that_fails_loses_nothing_that_was_answered),
        WITH_LOG(a_write_that_fails_loses_nothing_that_was_answered),
        WITH_SPACE(a_read_that_fails_loses_nothing_that_was_answered),
        WITH_LOG(a_read_that_fails_loses_nothing_that_was_answered),
        WITH_SPACE(a_call_of_tdb_that_fails_loses_nothing_that_was_answered),
        WITH_LOG(a_call_of_tdb_that_fails_loses_nothing_that_was_answered),
        WITHOUT_SPACE(a_file_that_cannot_grow_loses_nothing_that_was_answered),
        WITHOUT_SPACE(a_commit_that_is_undone_leaves_the_file_as_long_as_it_was),
        WITHOUT_SPACE(a_file_that_may_not_grow_is_left_as_long_as_it_is),
        WITH_SPACE(a_limit_on_file_size_refuses_creation_and_lets_denials_stand),
    };

    return prepare(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
