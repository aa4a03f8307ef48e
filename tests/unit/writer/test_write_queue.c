/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "daemon/writer/change_apply.h"
#include "daemon/writer/write_queue.h"

static const struct record token = { .digest = { 1, 2, 3 }, .serial = 1, .expires = TIME_NEVER };
static struct token_table *table;
static struct write_queue *queue;

static int set_up(void **state)
{
    (void)state;
    table = token_table_new("jtn", 1);
    queue = table != NULL ? write_queue_new(table) : NULL;
    if (queue == NULL || token_table_reserve(table, 1, 0) < 0)
        return -1;
    token_table_put(table, &token);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    write_queue_free(queue);
    token_table_free(table);
    return 0;
}

static struct change *post(const struct change_kind *kind)
{
    struct change *c = change_new(kind);
    struct mail_list one = { NULL, NULL };

    memcpy(c->id, token.digest, ID_SIZE);
    mail_append(&one, &c->mail);
    write_queue_post(queue, &one);
    assert_null(one.first);
    return c;
}

static uint32_t flags(void)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;

    return token_table_look(table, token.digest, digest, &used);
}

static void changes_are_taken_in_order_and_their_denials_are_in_force_before(void **state)
{
    (void)state;
    struct change *enable = post(&change_enable);
    assert_int_equal(flags(), SLOT_PRESENT);
    struct change *disable = post(&change_disable);
    assert_int_equal(flags(), SLOT_PRESENT | SLOT_DISABLED);
    struct mail_list changes = write_queue_take_changes(queue);

    assert_ptr_equal(mail_pop(&changes), &enable->mail);
    assert_ptr_equal(mail_pop(&changes), &disable->mail);
    assert_null(mail_pop(&changes));
    token_table_allow(table, token.digest);
    assert_int_equal(flags(), SLOT_PRESENT | SLOT_DISABLED);
    token_table_deny_end(table, &disable->pending_deny);
    token_table_allow(table, token.digest);
    assert_int_equal(flags(), SLOT_PRESENT);
    change_free(enable);
    change_free(disable);
}

static void what_nobody_took_is_freed(void **state)
{
    struct scan *scan = calloc(1, sizeof(*scan));

    (void)state;
    post(&change_revoke);
    write_queue_scan(queue, scan);
}

static void waiting_ends_with_a_change_a_scan_a_wake_up_or_a_stop(void **state)
{
    enum { FOR_EVER = -1 };
    struct scan scan = { .verb = VERB_LIST };

    (void)state;
    struct change *c = post(&change_enable);
    write_queue_await_change(queue, FOR_EVER);
    write_queue_await_work(queue, FOR_EVER);
    write_queue_take_changes(queue);
    change_free(c);
    write_queue_scan(queue, &scan);
    write_queue_await_work(queue, FOR_EVER);
    assert_ptr_equal(write_queue_take_scans(queue).first, &scan.mail);
    write_queue_wake(queue);
    write_queue_await_work(queue, FOR_EVER);
    assert_true(write_queue_take_wake(queue));
    assert_false(write_queue_take_wake(queue));
    assert_null(write_queue_take_scans(queue).first);
    assert_false(write_queue_is_stopping(queue));
    write_queue_stop(queue);
    write_queue_await_work(queue, FOR_EVER);
    assert_true(write_queue_is_stopping(queue));
}

static void sessions_that_expect_to_post_are_counted(void **state)
{
    (void)state;
    assert_false(write_queue_is_expecting(queue));
    write_queue_expect(queue, 1);
    write_queue_expect(queue, 1);
    write_queue_expect(queue, -1);
    assert_true(write_queue_is_expecting(queue));
    write_queue_expect(queue, -1);
    assert_false(write_queue_is_expecting(queue));
}

static void counters_show_what_the_writer_set(void **state)
{
    (void)state;
    write_queue_count_commit(queue, 3);
    write_queue_count_commit(queue, 4);
    write_queue_count_failure(queue);
    write_queue_count_time(queue, 1000);
    write_queue_set_newest(queue, 9);
    write_queue_set_unsaved(queue, 2);
    write_queue_set_store(queue, 5, 4096);
    write_queue_set_busy(queue);
    struct write_queue_stats stats = write_queue_stats(queue);
    assert_int_equal(stats.commits, 2);
    assert_int_equal(stats.changes, 7);
    assert_int_equal(stats.failures, 1);
    assert_int_equal(stats.denials_unsaved, 2);
    assert_int_equal(stats.journal_oldest, 5);
    assert_int_equal(stats.journal_newest, 9);
    assert_int_equal(stats.store_bytes, 4096);
    assert_in_range(stats.busy_seconds, 0, 60);
    assert_int_equal(histogram_total(write_queue_commit_time(queue)), 1);
}

#define WITH_QUEUE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_QUEUE(changes_are_taken_in_order_and_their_denials_are_in_force_before),
        WITH_QUEUE(what_nobody_took_is_freed),
        WITH_QUEUE(waiting_ends_with_a_change_a_scan_a_wake_up_or_a_stop),
        WITH_QUEUE(sessions_that_expect_to_post_are_counted),
        WITH_QUEUE(counters_show_what_the_writer_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
