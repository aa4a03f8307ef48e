/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements of tokens that will expire: more than one round keeps, and batches that come to
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/writer/expiry_warning.h"
#include "tests/unit/support/writer_fixture.h"

enum { MANY = 70000, WARN = 100, BATCH = 1000 };

static struct policies policies;

static void make(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct change *c = change_about(&change_create, i);
        c->given = KEY_BIT(KEY_EXPIRES);
        c->want.expires = NOW + WARN + (int64_t)(i * 7919 % 50);
        post_change(c);
        if ((i + 1) % BATCH != 0 && i + 1 < count)
            continue;
        assert_int_equal(work_and_answer(), STATUS_OK);
        for (struct mail_list rest = mailbox_take(&replies); rest.first != NULL;)
            change_free((struct change *)mail_pop(&rest));
    }
}

static void step(int64_t now)
{
    expiry_warning_step(&writer.expiry_warning, writer.store, writer.token_table, &policies, true,
                        now, writer.queue, &writer.waiting);
}

/* Go on until nothing new is announced; return how many entries the journal then has. */
static uint64_t announce_all(int64_t now)
{
    for (int idle = 0; idle < 200;) {
        uint64_t before = journal_newest(writer.journal);
        step(now);
        while (commit_batch(&writer, now))
            continue;
        idle = journal_newest(writer.journal) == before ? idle + 1 : 0;
    }
    return journal_newest(writer.journal);
}

static void begin(void)
{
    start();
    policies = (struct policies){ .warnings = 1, .warn = { WARN } };
}

static void each_of_more_tokens_than_a_round_keeps_is_announced_once(void **state)
{
    (void)state;
    begin();
    make(MANY);
    assert_int_equal(journal_newest(writer.journal), MANY);
    assert_int_equal(announce_all(NOW + 60), 2 * MANY);
    stop();
    start();
    assert_int_equal(announce_all(NOW + 60), 2 * MANY);
    assert_int_equal(announce_all(NOW + WARN + 60), 2 * MANY);
    stop();
}

/* What is queued when a batch fails must not move the marks past those that the batch had. */
static void what_follows_a_batch_that_failed_comes_to_nothing(void **state)
{
    (void)state;
    begin();
    make(600);
    step(NOW + 60);
    assert_non_null(writer.waiting.first);
    expiry_warning_settle(&writer.expiry_warning, false);
    while (commit_batch(&writer, NOW + 60))
        continue;
    assert_int_equal(journal_newest(writer.journal), 600);
    assert_int_equal(announce_all(NOW + 60), 1200);
    stop();
}

static void token_that_changed_since_it_was_found_is_not_announced(void **state)
{
    (void)state;
    begin();
    make(3);
    step(NOW + 60);
    struct mail_list found = writer.waiting;
    writer.waiting = (struct mail_list){ NULL, NULL };
    assert_int_equal(ask(&change_revoke, 0), STATUS_OK);
    struct change *c = change_about(&change_update, 1);
    c->given = KEY_BIT(KEY_EXPIRES);
    c->want.expires = NOW + 1000;
    post_change(c);
    assert_int_equal(work_and_answer(), STATUS_OK);
    mail_append_list(&writer.waiting, &found);
    assert_int_equal(announce_all(NOW + 60), 3 + 2 + 1);
    assert_int_equal(announce_all(NOW + 1000 - WARN), 3 + 2 + 2);
    stop();
}

static void clock_that_is_corrected_announces_nothing_twice(void **state)
{
    (void)state;
    begin();
    make(50);
    assert_int_equal(announce_all(NOW + 40), 91);
    assert_int_equal(announce_all(NOW + 5), 91);
    assert_int_equal(announce_all(NOW + 41), 92);
    stop();
    start();
    assert_int_equal(announce_all(NOW + 5), 92);
    assert_int_equal(announce_all(NOW + 60), 100);
    stop();
}

/* It is not known by which of the two it was announced. */
static void clock_that_was_wrong_announces_again_once_the_other_is_relied_on(void **state)
{
    (void)state;
    struct policies *none = NULL;

    begin();
    make(50);
    assert_int_equal(announce_all(NOW + 60), 100);
    for (int i = 0; i < 10; i++)
        expiry_warning_step(&writer.expiry_warning, writer.store, writer.token_table, none, false,
                            NOW - 100, writer.queue, &writer.waiting);
    assert_int_equal(announce_all(NOW + 60), 100);
    assert_int_equal(announce_all(NOW - 100), 100);
    assert_int_equal(announce_all(NOW + 60), 150);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(each_of_more_tokens_than_a_round_keeps_is_announced_once),
        WITH_DIRECTORY(what_follows_a_batch_that_failed_comes_to_nothing),
        WITH_DIRECTORY(token_that_changed_since_it_was_found_is_not_announced),
        WITH_DIRECTORY(clock_that_is_corrected_announces_nothing_twice),
        WITH_DIRECTORY(clock_that_was_wrong_announces_again_once_the_other_is_relied_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
