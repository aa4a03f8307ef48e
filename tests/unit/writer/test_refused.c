/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals are added up in the file, over restarts; a rotated token that is presented after its end is
 * distinguished from one that ended otherwise; and what leaves the store is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>

#include "daemon/base/journald.h"
#include "daemon/base/log.h"
#include "daemon/writer/refused.h"
#include "tests/unit/support/writer_fixture.h"

static struct last_used *file;
static struct refused *refused;

static void open_refused(void)
{
    file = last_used_open(path);
    refused = refused_new(write_queue_refusals(writer.queue), file);
    assert_true(file != NULL && refused != NULL);
    writer.refused = refused;
}

static void close_refused(void)
{
    writer.refused = NULL;
    refused_free(refused);
    last_used_close(file);
}

static int begin(void **state)
{
    int result = make_directory(state);

    log_set_level(LOG_LEVEL_ERROR);
    start();
    open_refused();
    return result;
}

static int end(void **state)
{
    close_refused();
    stop();
    return remove_directory(state);
}

static void carry_out(struct change *c)
{
    post_change(c);
    assert_int_equal(work_and_answer(), STATUS_OK);
}

static void refuse(uint64_t number, enum status reason, unsigned times, int64_t now)
{
    uint8_t digest[DIGEST_SIZE];

    digest_numbered(number, digest);
    for (unsigned i = 0; i < times; i++)
        refusals_note(write_queue_refusals(writer.queue), i % 3, digest, reason, 42, now);
}

static struct refused_token seen(uint64_t number)
{
    struct refused_token token;
    uint8_t digest[DIGEST_SIZE];

    digest_numbered(number, digest);
    refused_get(refused, digest, &token);
    return token;
}

static void step(int64_t now)
{
    refused_step(refused, writer.store, now);
}

static void refusals_are_added_up_over_restarts(void **state)
{
    (void)state;
    assert_int_equal(ask(&change_create, 1), STATUS_OK);
    assert_int_equal(ask(&change_revoke, 1), STATUS_OK);
    refuse(1, STATUS_REVOKED, 5, NOW);
    assert_int_equal(seen(1).refusal.count, 5); /* before they are taken in, too */
    step(NOW);
    refuse(1, STATUS_REVOKED, 2, NOW + 7);
    assert_int_equal(seen(1).refusal.count, 7);
    refused_flush(refused, writer.store, NOW + 8);
    close_refused();
    open_refused();
    struct refused_token token = seen(1);
    assert_int_equal(token.refusal.count, 7);
    assert_int_equal(token.refusal.last, NOW + 7);
    assert_int_equal(token.refusal.by, 42);
    assert_int_equal(token.refusal.reason, STATUS_REVOKED);
    assert_int_equal(token.reused, 0);
    assert_int_equal(seen(2).refusal.last, 0);
}

static void only_what_was_rotated_and_has_ended_is_reused(void **state)
{
    struct change *with_grace = rotation(2);

    (void)state;
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
    carry_out(rotation(1));
    with_grace->grace = 60;
    carry_out(with_grace);
    assert_int_equal(ask(&change_revoke, 3), STATUS_OK);
    for (uint64_t i = 1; i <= 3; i++)
        refuse(i, i == 2 ? STATUS_SCOPE : STATUS_REVOKED, 3, NOW);
    step(NOW);
    assert_int_equal(seen(1).reused, 3);
    assert_int_equal(seen(1).last_reused, NOW);
    assert_int_equal(seen(2).reused, 0); /* in its grace, it lacks a scope */
    assert_int_equal(seen(3).reused, 0);
    refuse(2, STATUS_EXPIRED, 2, NOW + 61);
    step(NOW + 61);
    assert_int_equal(seen(2).reused, 2);
    assert_int_equal(seen(2).refusal.count, 5);
    assert_int_equal(refusals_reuses(write_queue_refusals(writer.queue)), 5);
}

static void what_leaves_the_store_is_forgotten(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 2; i++) {
        assert_int_equal(ask(&change_create, i), STATUS_OK);
        assert_int_equal(ask(&change_disable, i), STATUS_OK);
        refuse(i, STATUS_DISABLED, 1, NOW);
    }
    step(NOW);
    refuse(1, STATUS_DISABLED, 1, NOW); /* not taken in yet */
    assert_int_equal(ask(&change_delete, 1), STATUS_OK);
    assert_int_equal(seen(1).refusal.last, 0);
    step(NOW);
    assert_int_equal(seen(1).refusal.last, 0);
    assert_int_equal(seen(2).refusal.count, 1);
}

static void step_takes_a_bounded_part_of_a_flood(void **state)
{
    struct refusals *r = write_queue_refusals(writer.queue);
    unsigned known = 0;

    (void)state;
    for (unsigned set = 0; set < 4; set++) {
        for (unsigned i = 0; i < REFUSALS_TAKEN_MAX; i++) {
            uint8_t digest[DIGEST_SIZE];
            digest_numbered(set * 10000 + i, digest);
            refusals_note(r, set, digest, STATUS_SCOPE, 1, NOW);
        }
    }
    struct refusal left[REFUSALS_TAKEN_MAX];
    step(NOW);
    for (unsigned set = 0; set < 4; set++)
        known += refusals_take(r, set, left) == 0;
    assert_int_equal(known, 1);
}

/* It is not synchronised with the disk, and its records may be anything after a power failure: a list
 * must not fail by one. */
static void a_damaged_record_counts_as_none(void **state)
{
    uint8_t damaged[48], digest[DIGEST_SIZE];

    (void)state;
    digest_numbered(1, digest);
    refuse(1, STATUS_REVOKED, 1, NOW);
    step(NOW);
    for (unsigned byte = STATUS_SYNTAX; byte <= UINT8_MAX; byte++) {
        memset(damaged, (int)byte, sizeof(damaged));
        assert_true(last_used_begin(file));
        assert_true(last_used_put(file, (struct slice){ (char *)digest, ID_SIZE }, damaged,
                                  sizeof(damaged)));
        assert_true(last_used_commit(file, true));
        assert_int_equal(seen(1).refusal.last, 0);
        memset(damaged, 0, sizeof(damaged));
        damaged[sizeof(damaged) - 4] = (uint8_t)byte; /* the reason alone */
        assert_true(last_used_put(file, (struct slice){ (char *)digest, ID_SIZE }, damaged,
                                  sizeof(damaged)));
        assert_int_equal(seen(1).refusal.reason, 0);
    }
    refuse(1, STATUS_REVOKED, 2, NOW + 1);
    step(NOW + 1);
    assert_int_equal(seen(1).refusal.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refusals_are_added_up_over_restarts, begin, end),
        cmocka_unit_test_setup_teardown(only_what_was_rotated_and_has_ended_is_reused, begin, end),
        cmocka_unit_test_setup_teardown(what_leaves_the_store_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_record_counts_as_none, begin, end),
        cmocka_unit_test_setup_teardown(step_takes_a_bounded_part_of_a_flood, begin, end),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
