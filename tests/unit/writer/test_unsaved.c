/* SPDX-License-Identifier: Apache-2.0 */
/* Denials that the disk refuses: in force in memory, and saved once it works again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <sodium.h>
#include <stdio.h>
#include <tdb.h>

#include "daemon/writer/ban_load.h"
#include "daemon/writer/purge.h"
#include "tests/unit/support/writer_fixture.h"

/* Move the file away, so that the store cannot be written, or back. */
static void take_away(bool away)
{
    char aside[96];

    snprintf(aside, sizeof(aside), "%s/aside.tdb", directory);
    assert_int_equal(away ? rename(path, aside) : rename(aside, path), 0);
}

static void retry(void)
{
    commit_retry(&writer);
    while (commit_batch(&writer, NOW))
        continue;
}

static void unsaved_denials_are_saved_first_when_the_store_is_back(void **state)
{
    (void)state;
    start();
    for (uint64_t i = 1; i <= 4; i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
    take_away(true);
    assert_int_equal(ask(&change_create, 5), STATUS_STORE);
    assert_non_null(strstr(problem.message, "not done"));
    assert_int_equal(ask(&change_revoke, 1), STATUS_STORE);
    assert_non_null(strstr(problem.message, "in force now, but not saved"));
    assert_int_equal(ask(&change_disable, 2), STATUS_STORE);
    assert_int_equal(ask(&change_revoke, 3), STATUS_STORE);
    assert_int_equal(flags_of(1), SLOT_PRESENT | SLOT_REVOKED);
    take_away(false);
    post_change(rotation(1));
    assert_int_equal(work_and_answer(), STATUS_REVOKED);
    assert_int_equal(ask(&change_enable, 2), STATUS_OK);
    assert_int_equal(ask(&change_delete, 3), STATUS_OK);
    assert_int_equal(ask(&change_import, 3), STATUS_BANNED);
    commit_retry(&writer);
    assert_false(commit_batch(&writer, NOW));
    for (int restarts = 0; restarts < 2; restarts++) {
        assert_int_equal(flags_of(1), SLOT_PRESENT | SLOT_REVOKED);
        assert_int_equal(flags_of(2), SLOT_PRESENT);
        assert_int_equal(flags_of(3), 0);
        assert_int_equal(flags_of(5), 0);
        stop();
        start();
    }
    stop();
}

static void unsaved_revocation_keeps_the_signed_part_that_it_shows(void **state)
{
    (void)state;
    struct change *c = change_about(&change_revoke, 1);
    struct ban ban;

    start();
    assert_int_equal(ask(&change_import, 1), STATUS_OK); /* by its digest alone */
    c->want.has_signed = true;
    digest_numbered(2, c->want.signed_part);
    take_away(true);
    post_change(c);
    assert_int_equal(work_and_answer(), STATUS_STORE);
    take_away(false);
    retry();
    digest_numbered(2, ban.digest);
    assert_int_equal(store_get_ban(writer.store, ban.digest, &ban), STORE_FOUND);
    stop();
}

static int puts_until_failure = -1; /* -1: none fails */

/* Replace TDB's function with one that fails as that does without memory. */
int tdb_store(struct tdb_context *tdb, TDB_DATA key, TDB_DATA value, int how)
{
    static int (*real)(struct tdb_context *, TDB_DATA, TDB_DATA, int);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "tdb_store");
    return puts_until_failure >= 0 && puts_until_failure-- == 0 ? -1 : real(tdb, key, value, how);
}

/* Let each put of a batch with a revocation and a creation fail in turn.  When the first fails,
 * there is no journal entry of the batch yet, and an unchanged store does not show that anything
 * was done. */
static void what_could_not_be_put_is_not_taken_for_done(void **state)
{
    (void)state;
    bool failed = true;

    start();
    for (int puts = 0; failed; puts++) {
        uint64_t old = 10 * (uint64_t)puts + 1, new = old + 1;
        assert_int_equal(ask(&change_create, old), STATUS_OK);
        puts_until_failure = puts;
        post(&change_revoke, old);
        post(&change_create, new);
        commit_collect(&writer);
        assert_true(commit_batch(&writer, NOW));
        failed = puts_until_failure < 0;
        puts_until_failure = -1;
        assert_int_equal(answer(), failed ? STATUS_STORE : STATUS_OK);
        assert_true(!failed || strstr(problem.message, "in force now, but not saved") != NULL);
        for (commit_retry(&writer); commit_batch(&writer, NOW);)
            continue;
        enum status created = answer();
        assert_int_equal(flags_of(new), created == STATUS_OK ? SLOT_PRESENT : 0);
        stop();
        start();
        assert_int_equal(flags_of(old), SLOT_PRESENT | SLOT_REVOKED);
        assert_int_equal(flags_of(new), created == STATUS_OK ? SLOT_PRESENT : 0);
        assert_true(!failed || puts < 5);
    }
    stop();
}

static void a_broken_store_is_reopened_without_a_request(void **state)
{
    (void)state;
    start();
    assert_int_equal(ask(&change_create, 1), STATUS_OK);
    take_away(true);
    assert_int_equal(ask(&change_disable, 1), STATUS_STORE);
    assert_true(writer.disk_failure.broken);
    take_away(false);
    commit_retry(&writer);
    assert_true(commit_batch(&writer, NOW));
    assert_false(writer.disk_failure.broken);
    assert_int_equal(writer.disk_failure.unsaved.count, 0);
    assert_int_equal(journal_newest(writer.journal), 2);
    stop();
}

/* Otherwise any holder of a token could fill the memory with revocations while the disk is full. */
static void unsaved_denials_are_kept_once_and_only_for_existing_tokens(void **state)
{
    (void)state;
    start();
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
    take_away(true);
    for (uint64_t i = 0; i < 5000; i++)
        assert_int_equal(ask(i % 2 == 0 ? &change_revoke : &change_disable, i % 50), STATUS_STORE);
    assert_in_range(writer.disk_failure.unsaved.count, 3, 1500);
    assert_int_equal(ask(&change_revoke, 1000), STATUS_STORE);
    assert_non_null(strstr(problem.message, "not done"));
    take_away(false);
    retry();
    assert_int_equal(writer.disk_failure.unsaved.count, 0);
    assert_int_equal(flags_of(0) & SLOT_REVOKED, SLOT_REVOKED);
    stop();
}

static enum status ask_change(struct change *c)
{
    post_change(c);
    return work_and_answer();
}

static void a_ban_is_in_force_though_the_disk_refuses_it(void **state)
{
    (void)state;
    const uint32_t banned = SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED;
    struct change *import = change_about(&change_import, 2);
    uint8_t one[DIGEST_SIZE], signed_part[DIGEST_SIZE];

    start();
    token_table_keep_bans(writer.token_table, true);
    digest_numbered(1, one);
    digest_numbered(3, signed_part);
    import->want.has_signed = true;
    memcpy(import->want.signed_part, signed_part, DIGEST_SIZE);
    assert_int_equal(ask_change(import), STATUS_OK);
    take_away(true);
    assert_int_equal(ask_change(ban_of(1)), STATUS_STORE);
    assert_non_null(strstr(problem.message, "in force now, but not saved"));
    assert_int_equal(flags_of_name(one), banned);
    assert_int_equal(ask_change(ban_of(3)), STATUS_STORE);
    assert_int_equal(flags_of(2), SLOT_PRESENT | SLOT_REVOKED);
    assert_int_equal(writer.disk_failure.unsaved.count, 2);
    take_away(false);
    retry();
    for (int restarts = 0; restarts < 2; restarts++) {
        assert_int_equal(flags_of_name(one), banned);
        assert_int_equal(flags_of_name(signed_part), banned);
        assert_int_equal(flags_of(2), SLOT_PRESENT | SLOT_REVOKED);
        assert_int_equal(writer.bans, 2);
        stop();
        start();
        assert_true(ban_load_all(&writer, &problem));
    }
    stop();
}

/* Its table is made only once the disk works: what is to be saved is no new request, which is refused
 * until then.  A ban that is saved as one of another digest would be no ban after a restart. */
static void an_unsaved_ban_by_sha256_is_saved_as_such(void **state)
{
    (void)state;
    struct change *by_sha256 = ban_of(1);
    struct ban ban;
    start();
    by_sha256->want.digest_alg = DIGEST_ALG_SHA256;
    take_away(true);
    assert_int_equal(ask_change(by_sha256), STATUS_STORE);
    take_away(false);
    retry();
    digest_numbered(1, ban.digest);
    assert_int_equal(store_get_ban(writer.store, ban.digest, &ban), STORE_FOUND);
    assert_int_equal(ban.digest_alg, DIGEST_ALG_SHA256);
    stop();
}

/* Another thread sees it before the writer's thread takes the ban. */
static void a_ban_of_a_token_is_in_force_from_the_request_on(void **state)
{
    (void)state;
    start();
    assert_int_equal(ask(&change_create, 1), STATUS_OK);
    post_change(ban_of(1));
    assert_int_equal(flags_of(1), SLOT_PRESENT | SLOT_REVOKED);
    assert_int_equal(work_and_answer(), STATUS_OK);
    stop();
}

static void an_unsaved_ban_is_in_the_table_that_is_filled_later(void **state)
{
    (void)state;
    uint8_t one[DIGEST_SIZE];

    start();
    digest_numbered(1, one);
    puts_until_failure = 0;
    assert_int_equal(ask_change(ban_of(1)), STATUS_STORE);
    assert_true(puts_until_failure < 0);
    assert_int_equal(flags_of_name(one), 0);
    assert_true(ban_load_all(&writer, &problem));
    assert_int_equal(flags_of_name(one), SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED);
    stop();
}

static void what_has_an_unsaved_ban_is_not_imported(void **state)
{
    (void)state;
    start();
    puts_until_failure = 0;
    assert_int_equal(ask_change(ban_of(1)), STATUS_STORE);
    puts_until_failure = 0; /* it fails again, and what comes behind it does not */
    commit_retry(&writer);
    assert_int_equal(ask(&change_import, 1), STATUS_STORE);
    assert_int_equal(flags_of(1), 0);
    assert_int_equal(writer.disk_failure.unsaved.count, 1);
    retry();
    assert_int_equal(ask(&change_import, 1), STATUS_BANNED);
    stop();
}

/* The token has the ban's place in the table, and the store does not know that it is denied. */
static void a_token_is_not_purged_while_a_denial_is_unsaved(void **state)
{
    (void)state;
    struct change *import = change_about(&change_import, 1);
    struct purge purge = { 0 };
    uint8_t name[DIGEST_SIZE];

    start();
    token_table_keep_bans(writer.token_table, true);
    import->want.expires = NOW - 10;
    assert_int_equal(ask_change(import), STATUS_OK);
    puts_until_failure = 0;
    assert_int_equal(ask_change(ban_of(1)), STATUS_STORE);
    puts_until_failure = 0; /* it fails again, and what comes behind it does not */
    purge_step(&purge, &writer, 0, NOW);
    retry();
    digest_numbered(1, name);
    assert_true(flags_of_name(name) & SLOT_REVOKED);
    puts_until_failure = -1;
    retry();
    purge_step(&purge, &writer, 0, NOW);
    retry();
    assert_int_equal(flags_of_name(name), SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED);
    stop();
}

/* The token is here by its digest alone. */
static void unsaved_revocation_denies_the_signed_part_that_it_shows(void **state)
{
    (void)state;
    struct change *revoke = change_about(&change_revoke, 1),
                  *import = change_about(&change_import, 3);
    uint8_t signed_part[DIGEST_SIZE];

    start();
    token_table_keep_bans(writer.token_table, true);
    assert_int_equal(ask(&change_import, 1), STATUS_OK);
    revoke->want.has_signed = import->want.has_signed = true;
    digest_numbered(2, signed_part);
    memcpy(revoke->want.signed_part, signed_part, DIGEST_SIZE);
    memcpy(import->want.signed_part, signed_part, DIGEST_SIZE);
    puts_until_failure = 0;
    assert_int_equal(ask_change(revoke), STATUS_STORE);
    assert_non_null(strstr(problem.message, "in force now, but not saved"));
    assert_int_equal(flags_of_name(signed_part), SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED);
    puts_until_failure = 0; /* it fails again, and what comes behind it does not */
    commit_retry(&writer);
    assert_int_equal(ask_change(import), STATUS_STORE);
    assert_int_equal(flags_of(3), 0);
    retry();
    assert_int_equal(flags_of_name(signed_part), SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED);
    assert_int_equal(writer.bans, 1);
    stop();
}

static void bans_of_a_batch_that_failed_are_counted_once(void **state)
{
    (void)state;
    bool failed = true;
    uint64_t bans = 0;

    start();
    for (int puts = 0; failed; puts++) {
        puts_until_failure = puts;
        enum status status = ask_change(ban_of(++bans));
        failed = status == STATUS_STORE;
        puts_until_failure = -1;
        assert_int_equal(writer.bans, failed ? bans - 1 : bans);
        retry();
        assert_int_equal(writer.bans, bans);
        assert_int_equal(write_queue_stats(writer.queue).bans, bans);
    }
    assert_true(bans > 2);
    stop();
}

/* Post a creation while this revocation is applied. */
static enum status revoke_beside(struct change *c, struct store *store, int64_t now)
{
    post(&change_create, 3);
    return change_revoke.apply(c, store, now);
}

static void what_is_posted_while_an_unsaved_denial_is_saved_is_not_saved_with_it(void **state)
{
    (void)state;
    struct change_kind kind = change_revoke;

    kind.apply = revoke_beside;
    start();
    assert_int_equal(ask(&change_create, 1), STATUS_OK);
    take_away(true);
    assert_int_equal(ask(&kind, 1), STATUS_STORE);
    take_away(false);
    commit_retry(&writer);
    assert_true(commit_batch(&writer, NOW));
    assert_int_equal(writer.disk_failure.unsaved.count, 0);
    assert_int_equal(write_queue_stats(writer.queue).changes, 2);
    assert_int_equal(flags_of(3), 0);
    assert_int_equal(work_and_answer(), STATUS_OK);
    assert_int_equal(flags_of(3), SLOT_PRESENT);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(unsaved_denials_are_saved_first_when_the_store_is_back),
        WITH_DIRECTORY(unsaved_revocation_keeps_the_signed_part_that_it_shows),
        WITH_DIRECTORY(what_could_not_be_put_is_not_taken_for_done),
        WITH_DIRECTORY(a_broken_store_is_reopened_without_a_request),
        WITH_DIRECTORY(unsaved_denials_are_kept_once_and_only_for_existing_tokens),
        WITH_DIRECTORY(a_ban_is_in_force_though_the_disk_refuses_it),
        WITH_DIRECTORY(an_unsaved_ban_by_sha256_is_saved_as_such),
        WITH_DIRECTORY(a_ban_of_a_token_is_in_force_from_the_request_on),
        WITH_DIRECTORY(an_unsaved_ban_is_in_the_table_that_is_filled_later),
        WITH_DIRECTORY(what_has_an_unsaved_ban_is_not_imported),
        WITH_DIRECTORY(a_token_is_not_purged_while_a_denial_is_unsaved),
        WITH_DIRECTORY(unsaved_revocation_denies_the_signed_part_that_it_shows),
        WITH_DIRECTORY(bans_of_a_batch_that_failed_are_counted_once),
        WITH_DIRECTORY(what_is_posted_while_an_unsaved_denial_is_saved_is_not_saved_with_it),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
