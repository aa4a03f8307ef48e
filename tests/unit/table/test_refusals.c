/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals are summed up by token, in sets of bounded size, and unknown values by user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "daemon/table/refusals.h"

enum { NOW = 1000000, ROUNDS = 20000 };

static void id_of(unsigned number, uint8_t id[ID_SIZE])
{
    memset(id, 0, ID_SIZE);
    memcpy(id, &number, sizeof(number));
}

static void refuse(struct refusals *r, unsigned set, unsigned number, enum status reason, uid_t by,
                   int64_t now)
{
    uint8_t id[ID_SIZE];

    id_of(number, id);
    refusals_note(r, set, id, reason, by, now);
}

static struct refusal look(struct refusals *r, unsigned number)
{
    struct refusal sum = { .last = 0 };
    uint8_t id[ID_SIZE];

    id_of(number, id);
    refusals_look(r, id, &sum);
    return sum;
}

static void all_sets_are_summed_and_the_last_one_is_named(void **state)
{
    struct refusals *r = refusals_new(2);
    struct refusal taken[REFUSALS_TAKEN_MAX];

    (void)state;
    refuse(r, 0, 1, STATUS_REVOKED, 7, NOW);
    refuse(r, 1, 1, STATUS_SCOPE, 8, NOW + 2);
    refuse(r, 0, 1, STATUS_EXPIRED, 9, NOW + 1);
    struct refusal sum = look(r, 1);
    assert_int_equal(sum.count, 3);
    assert_int_equal(sum.ended, 2);
    assert_int_equal(sum.last, NOW + 2);
    assert_int_equal(sum.by, 8);
    assert_int_equal(sum.reason, STATUS_SCOPE);
    assert_int_equal(look(r, 2).last, 0);
    assert_int_equal(refusals_take(r, 0, taken), 1);
    assert_int_equal(taken[0].count, 2);
    assert_int_equal(taken[0].by, 9);
    assert_int_equal(look(r, 1).count, 1);
    assert_int_equal(refusals_take(r, 0, taken), 0);
    refusals_free(r);
}

static void set_that_is_full_drops_and_counts(void **state)
{
    struct refusals *r = refusals_new(1);
    struct refusal taken[REFUSALS_TAKEN_MAX];
    unsigned more = 100;

    (void)state;
    for (unsigned i = 0; i < REFUSALS_TAKEN_MAX + more; i++)
        refuse(r, 0, i * 1024, STATUS_REVOKED, 1, NOW); /* all for one slot */
    assert_int_equal(refusals_dropped(r), more);
    refuse(r, 0, 0, STATUS_REVOKED, 1, NOW);
    assert_int_equal(look(r, 0).count, 2);
    assert_int_equal(refusals_take(r, 0, taken), REFUSALS_TAKEN_MAX);
    refuse(r, 0, 5, STATUS_REVOKED, 1, NOW);
    assert_int_equal(look(r, 5).count, 1);
    refusals_free(r);
}

static void unknown_values_are_counted_for_each_user_up_to_a_number(void **state)
{
    struct refusals_unknown unknown[REFUSALS_UIDS];
    struct refusals *r = refusals_new(2);
    uint64_t others, sum = 0;

    (void)state;
    for (uid_t uid = 0; uid < 2 * REFUSALS_UIDS; uid++)
        for (unsigned set = 0; set < 2; set++)
            refusals_note_unknown(r, set, set == 0 ? uid : 2 * REFUSALS_UIDS - uid);
    size_t count = refusals_unknown(r, unknown, &others);
    assert_int_equal(count, REFUSALS_UIDS);
    for (size_t i = 0; i < count; i++)
        sum += unknown[i].count;
    assert_int_equal(sum + others, 4 * REFUSALS_UIDS);
    refusals_free(r);
}

static void only_what_is_about_a_value_is_noted(void **state)
{
    struct refusals_unknown unknown[REFUSALS_UIDS];
    struct refusals *r = refusals_new(1);
    const uint8_t id[ID_SIZE] = { 1 };
    uint64_t others;

    (void)state;
    refusals_note_verdict(r, 0, id, STATUS_OK, 1, NOW);
    refusals_note_verdict(r, 0, id, STATUS_UNAVAILABLE, 1, NOW);
    refusals_note_verdict(r, 0, NULL, STATUS_IDENTIFIER, 1, NOW);
    refusals_note_verdict(r, 0, NULL, STATUS_DENIED, 1, NOW);
    assert_int_equal(refusals_unknown(r, unknown, &others) + others, 0);
    assert_int_equal(look(r, 1).last, 0);
    refusals_note_verdict(r, 0, id, STATUS_SUBJECT, 1, NOW);
    refusals_note_verdict(r, 0, NULL, STATUS_MALFORMED, 1, NOW);
    assert_int_equal(look(r, 1).count, 1);
    assert_int_equal(refusals_unknown(r, unknown, &others), 1);
    refusals_free(r);
}

static void *refuse_often(void *refusals)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        refuse(refusals, 0, i % 10, STATUS_REVOKED, 1, NOW);
        refusals_note_unknown(refusals, 0, i % 100);
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    struct refusals_unknown unknown[REFUSALS_UIDS];
    struct refusal taken[REFUSALS_TAKEN_MAX];
    struct refusals *r = refusals_new(1);
    uint64_t sum = 0, others, users = 0;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, refuse_often, r), 0);
    while (sum < ROUNDS) {
        size_t count = refusals_take(r, 0, taken);
        for (size_t i = 0; i < count; i++)
            sum += taken[i].count;
        refusals_unknown(r, unknown, &others);
    }
    pthread_join(thread, NULL);
    size_t count = refusals_unknown(r, unknown, &others);
    for (size_t i = 0; i < count; i++)
        users += unknown[i].count;
    assert_int_equal(sum, ROUNDS);
    assert_int_equal(users + others, ROUNDS);
    refusals_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sets_are_summed_and_the_last_one_is_named),
        cmocka_unit_test(set_that_is_full_drops_and_counts),
        cmocka_unit_test(unknown_values_are_counted_for_each_user_up_to_a_number),
        cmocka_unit_test(only_what_is_about_a_value_is_noted),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
