/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that wait until nobody believes the table of a killed daemon, and the file that tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "daemon/base/clock.h"
#include "daemon/writer/change_ban.h"
#include "daemon/writer/lease_file.h"
#include "tests/unit/support/writer_fixture.h"

#define FAR_AHEAD (clock_monotonic() + 3600 * (uint64_t)CLOCK_SECOND)

static char sender[2][256];

static void post_by(int from, struct change *c)
{
    c->sender = sender[from];
    post_change(c);
}

/* Commit what was posted; return how many answers came. */
static size_t work(const struct change_kind *kind[], size_t max)
{
    size_t count = 0;

    commit_collect(&writer);
    while (commit_batch(&writer, NOW))
        continue;
    struct mail_list answers = mailbox_take(&replies);
    for (struct mail *m; (m = mail_pop(&answers)) != NULL; count++) {
        struct change *c = (struct change *)m;
        assert_true(count < max);
        assert_int_equal(c->problem.status, STATUS_OK);
        kind[count] = c->kind;
        change_free(c);
    }
    return count;
}

static struct change *update(uint64_t number, uint64_t given)
{
    struct change *c = change_about(&change_update, number);

    c->given = given;
    return c;
}

static void only_answers_that_deny_are_held_and_what_follows_them_in_a_session(void **state)
{
    (void)state;
    const struct change_kind *kind[8];

    start();
    for (uint64_t i = 1; i <= 9; i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
    held_answers_begin(&writer.held_answers, FAR_AHEAD);
    post_by(0, update(1, KEY_BIT(KEY_DESCRIPTION)));
    post_by(0, change_about(&change_enable, 1));
    post_by(0, change_about(&change_revoke, 1));
    post_by(0, change_about(&change_create, 20));
    post_by(1, change_about(&change_create, 21));
    post_by(1, change_about(&change_import, 22));
    assert_int_equal(work(kind, 8), 4);
    assert_ptr_equal(kind[0], &change_update);
    assert_ptr_equal(kind[1], &change_enable);
    assert_ptr_equal(kind[2], &change_create);
    assert_ptr_equal(kind[3], &change_import);
    assert_int_equal(flags_of(1), SLOT_PRESENT | SLOT_REVOKED);
    assert_int_equal(flags_of(20), SLOT_PRESENT);
    assert_int_equal(write_queue_stats(writer.queue).answers_held, 2);
    assert_false(held_answers_is_due(&writer.held_answers));
    assert_in_range(held_answers_wait(&writer.held_answers), 3500000, 3600001);
    held_answers_release(&writer.held_answers);
    assert_int_equal(work(kind, 8), 2);
    assert_ptr_equal(kind[0], &change_revoke);
    assert_ptr_equal(kind[1], &change_create);
    stop();
}

static void everything_that_denies_or_narrows_is_held(void **state)
{
    (void)state;
    const struct change_kind *kind[8];
    struct change *import = change_about(&change_import, 30);

    start();
    for (uint64_t i = 1; i <= 9; i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
    held_answers_begin(&writer.held_answers, FAR_AHEAD);
    import->revoke = true;
    post_change(import);
    post(&change_revoke, 1);
    post(&change_disable, 2);
    post(&change_delete, 3);
    post_change(rotation(4));
    post_change(update(5, KEY_BIT(KEY_SUBJECT)));
    post_change(update(6, KEY_BIT(KEY_SCOPES)));
    post_change(update(7, KEY_BIT(KEY_EXPIRES)));
    assert_int_equal(work(kind, 0), 0);
    assert_int_equal(writer.held_answers.count, 8);
    held_answers_begin(&writer.held_answers, 1); /* the time has come */
    assert_true(held_answers_is_due(&writer.held_answers));
    assert_int_equal(held_answers_wait(&writer.held_answers), 0);
    held_answers_release(&writer.held_answers);
    assert_int_equal(work(kind, 8), 8);
    post(&change_revoke, 9);
    assert_int_equal(work(kind, 8), 1);
    stop();
}

/* The daemon that was killed may have saved a denial that it did not answer. */
static void a_denial_that_is_asked_for_again_is_held(void **state)
{
    (void)state;
    struct change *import = change_about(&change_import, 4), *ban[2];

    start();
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        ban[i] = change_about(&change_ban, 1);
        memcpy(ban[i]->name[ban[i]->names++], ban[i]->want.digest, DIGEST_SIZE);
    }
    post_change(ban[0]);
    assert_int_equal(work_and_answer(), STATUS_OK);
    assert_int_equal(ask(&change_delete, 2), STATUS_OK);
    assert_int_equal(ask(&change_revoke, 3), STATUS_OK);
    assert_int_equal(ask(&change_revoke, 4), STATUS_OK);
    held_answers_begin(&writer.held_answers, FAR_AHEAD);
    post_change(ban[1]);
    post(&change_delete, 2);
    post_change(rotation(3));
    import->want.revoked = NOW;
    post_change(import);
    post(&change_disable, 4);
    post(&change_revoke, 2);
    commit_collect(&writer);
    while (commit_batch(&writer, NOW))
        continue;
    assert_int_equal(writer.held_answers.count, 6);
    held_answers_release(&writer.held_answers);
    assert_int_equal(answer(), STATUS_OK);
    const enum status refused[] = { STATUS_UNKNOWN, STATUS_REVOKED, STATUS_EXISTS, STATUS_REVOKED,
                                    STATUS_UNKNOWN };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(answer(), refused[i]);
    stop();
}

static void what_is_held_comes_before_what_is_answered_after_the_time(void **state)
{
    (void)state;
    const struct change_kind *kind[8];

    start();
    assert_int_equal(ask(&change_create, 1), STATUS_OK);
    held_answers_begin(&writer.held_answers, FAR_AHEAD);
    post_by(0, change_about(&change_revoke, 1));
    assert_int_equal(work(kind, 0), 0);
    held_answers_begin(&writer.held_answers, 1);
    post_by(0, change_about(&change_create, 2));
    assert_int_equal(work(kind, 8), 2);
    assert_ptr_equal(kind[0], &change_revoke);
    assert_ptr_equal(kind[1], &change_create);
    stop();
}

static enum lease_file_state begin_and_end(bool stopped)
{
    struct lease_file f;
    enum lease_file_state state = lease_file_begin(&f, path);

    lease_file_end(&f, stopped);
    return state;
}

static void lease_file_tells_how_the_last_daemon_ended(void **state)
{
    (void)state;
    char name[96];

    snprintf(name, sizeof(name), "%s.lease", path);
    assert_int_equal(begin_and_end(false), LEASE_FILE_MISSING);
    assert_int_equal(begin_and_end(false), LEASE_FILE_RUNNING);
    assert_int_equal(begin_and_end(true), LEASE_FILE_RUNNING);
    assert_int_equal(begin_and_end(true), LEASE_FILE_STOPPED);
    assert_int_equal(begin_and_end(false), LEASE_FILE_STOPPED);
    assert_int_equal(begin_and_end(true), LEASE_FILE_RUNNING);
    assert_int_equal(truncate(name, 20), 0);
    assert_int_equal(begin_and_end(true), LEASE_FILE_RUNNING);
    assert_int_equal(truncate(name, 0), 0);
    assert_int_equal(begin_and_end(true), LEASE_FILE_MISSING);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(symlink("/dev/null", name), 0);
    struct lease_file f;
    assert_int_equal(lease_file_begin(&f, path), LEASE_FILE_FAILED);
    assert_int_equal(unlink(name), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(only_answers_that_deny_are_held_and_what_follows_them_in_a_session),
        WITH_DIRECTORY(everything_that_denies_or_narrows_is_held),
        WITH_DIRECTORY(a_denial_that_is_asked_for_again_is_held),
        WITH_DIRECTORY(what_is_held_comes_before_what_is_answered_after_the_time),
        WITH_DIRECTORY(lease_file_tells_how_the_last_daemon_ended),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
