/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of many tokens in one transaction, of which any put may fail: they are done together, or none
 * is, and what denies is in force in any case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <tdb.h>

#include "tests/unit/support/writer_fixture.h"

enum { TOKENS = 2500 }; /* more than a batch of single changes has */

static int puts_until_failure = -1; /* -1: none fails */

/* Replace TDB's function with one that fails as that does without memory. */
int tdb_store(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, int how)
{
    static int (*real)(struct tdb_context *, TDB_DATA, TDB_DATA, int);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "tdb_store");
    return puts_until_failure >= 0 && puts_until_failure-- == 0 ? -1 : real(tdb, key, value, how);
}

static void begin(void)
{
    start();
    for (uint64_t i = 0; i < TOKENS; i++)
        post(&change_create, i);
    commit_collect(&writer);
    while (commit_batch(&writer, NOW))
        continue;
    for (uint64_t i = 0; i < TOKENS; i++)
        assert_int_equal(answer(), STATUS_OK);
}

static void restart(void)
{
    stop();
    start();
}

/* Change all tokens; return the status, which all changes have in common. */
static enum status change_all(const struct change_kind *kind)
{
    struct mail_list changes = { NULL, NULL };

    for (uint64_t i = 0; i < TOKENS; i++) {
        struct change *c = change_new_of_many(kind);
        uint8_t digest[DIGEST_SIZE];
        assert_non_null(c);
        digest_numbered(i, digest);
        memcpy(c->id, digest, ID_SIZE);
        c->given = kind == &change_update ? KEY_BIT(KEY_SCOPES) : 0;
        record_set_scopes(&c->want, slice_of("changed"));
        mail_append(&changes, &c->mail);
    }
    commit_together(&writer, &changes, NOW);
    size_t count = 0;
    for (struct mail *m; (m = mail_pop(&changes)) != NULL; count++) {
        struct change *c = (struct change *)m;
        assert_true(count == 0 || c->problem.status == problem.status);
        problem = c->problem;
        change_free(c);
    }
    assert_int_equal(count, TOKENS);
    return problem.status;
}

static void retry(void)
{
    commit_retry(&writer);
    while (commit_batch(&writer, NOW))
        continue;
}

static void assert_flags(uint32_t flags)
{
    for (uint64_t i = 0; i < TOKENS; i++)
        assert_int_equal(flags_of(i), flags);
}

static void assert_scopes(const char *scopes)
{
    static struct record r;

    for (uint64_t i = 0; i < TOKENS; i++) {
        uint8_t digest[DIGEST_SIZE];
        digest_numbered(i, digest);
        assert_int_equal(store_get(writer.store, digest, &r), STORE_FOUND);
        assert_true(slice_is(record_scopes(&r), scopes));
    }
}

static void many_are_changed_in_one_transaction(void **state)
{
    (void)state;
    begin();
    assert_int_equal(ask(&change_create, TOKENS), STATUS_OK);
    uint64_t commits = write_queue_stats(writer.queue).commits,
             newest = journal_newest(writer.journal);
    assert_int_equal(change_all(&change_disable), STATUS_OK);
    assert_int_equal(write_queue_stats(writer.queue).commits, commits + 1);
    assert_int_equal(journal_newest(writer.journal), newest + TOKENS);
    assert_flags(SLOT_PRESENT | SLOT_DISABLED);
    assert_int_equal(change_all(&change_enable), STATUS_OK);
    assert_flags(SLOT_PRESENT);
    assert_int_equal(change_all(&change_update), STATUS_OK);
    assert_scopes("changed");
    assert_int_equal(change_all(&change_revoke), STATUS_OK);
    restart();
    assert_flags(SLOT_PRESENT | SLOT_REVOKED);
    assert_int_equal(change_all(&change_delete), STATUS_OK);
    assert_flags(0);
    restart();
    assert_flags(0);
    assert_int_equal(flags_of(TOKENS), SLOT_PRESENT);
    stop();
}

static const int failing[] = { 0, 1, TOKENS / 2, TOKENS - 1, TOKENS };

static void denials_stand_whichever_put_fails_and_are_saved_later(void **state)
{
    (void)state;
    begin();
    for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
        puts_until_failure = failing[i];
        assert_int_equal(change_all(&change_disable), STATUS_STORE);
        assert_int_equal(puts_until_failure, -1);
        assert_non_null(strstr(problem.message, "in force now, but not saved"));
        assert_flags(SLOT_PRESENT | SLOT_DISABLED);
        assert_int_equal(writer.disk_failure.unsaved.count, TOKENS);
        assert_null(writer.waiting.first);
        retry();
        assert_int_equal(writer.disk_failure.unsaved.count, 0);
        restart();
        assert_flags(SLOT_PRESENT | SLOT_DISABLED);
        assert_int_equal(change_all(&change_enable), STATUS_OK);
        assert_flags(SLOT_PRESENT);
    }
    stop();
}

static void what_is_no_denial_is_not_done_and_not_done_later(void **state)
{
    static const struct change_kind *const kinds[] = { &change_update, &change_delete };

    (void)state;
    begin();
    for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++)
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            puts_until_failure = failing[i];
            if (change_all(kinds[k]) == STATUS_OK)
                fail_msg("put %d of a transaction did not fail", failing[i]);
            assert_int_equal(problem.status, STATUS_STORE);
            assert_null(writer.waiting.first);
            puts_until_failure = -1;
            retry();
            assert_flags(SLOT_PRESENT);
            assert_scopes("");
            restart();
            assert_flags(SLOT_PRESENT);
            assert_scopes("");
        }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(many_are_changed_in_one_transaction),
        WITH_DIRECTORY(denials_stand_whichever_put_fails_and_are_saved_later),
        WITH_DIRECTORY(what_is_no_denial_is_not_done_and_not_done_later),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
