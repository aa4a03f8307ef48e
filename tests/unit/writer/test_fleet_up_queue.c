/* SPDX-License-Identifier: Apache-2.0 */
/* What goes up to the fleet's database: in which order it is offered, with which numbers, and what becomes of it when
 * the agent goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "daemon/writer/change_apply.h"
#include "daemon/writer/fleet_up_queue.h"

enum { FIRST = 1000 };

static struct fleet_up_queue queue;

static int begin(void **state)
{
    (void)state;
    fleet_up_queue_begin(&queue, FIRST);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fleet_up_queue_end(&queue);
    return 0;
}

static struct fleet_up_request *add(enum fleet_up_event event, uint8_t token, uid_t by)
{
    uint8_t digest[DIGEST_SIZE] = { token };
    struct fleet_up_request *r = fleet_up_request_new(event, digest, by, slice_of(" group=web"));

    assert_non_null(r);
    assert_int_equal(fleet_up_queue_add(&queue, r), 0);
    return r;
}

static void let_wait(struct fleet_up_request *r)
{
    struct change *c = change_new(&change_update);

    assert_non_null(c);
    mail_append(&r->waiters, &c->mail);
}

static struct fleet_up_request *offer(void)
{
    return fleet_up_queue_offer(&queue, 0);
}

/* Take an offered request out for good. */
static void answer(uint64_t number)
{
    struct fleet_up_request *r = fleet_up_queue_answered(&queue, number);

    assert_non_null(r);
    fleet_up_queue_forget(&queue, r);
    fleet_up_request_free(r);
}

static void test_numbers_ascend_in_the_order_of_offers(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 10; i++)
        add(FLEET_UP_UPDATE, i, 1);
    for (uint8_t i = 0; i < 10; i++) {
        struct fleet_up_request *r = offer();
        assert_int_equal(r->digest[0], i);
        assert_int_equal(r->number, FIRST + 1 + i);
    }
    assert_null(offer());
}

static void test_a_user_with_one_change_waits_for_one_of_another_who_has_many(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 100; i++)
        add(FLEET_UP_UPDATE, i, 1);
    add(FLEET_UP_UPDATE, 200, 2);
    assert_int_equal(offer()->by, 1);
    assert_int_equal(offer()->by, 2);
    assert_int_equal(offer()->by, 1);
}

static void test_a_user_has_no_more_than_his_share_and_denials_are_not_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FLEET_UP_MAX_A_USER; i++) {
        assert_false(fleet_up_queue_is_full(&queue, 1));
        add(FLEET_UP_UPDATE, (uint8_t)i, 1);
    }
    assert_true(fleet_up_queue_is_full(&queue, 1));
    assert_false(fleet_up_queue_is_full(&queue, 2));
    for (unsigned i = 0; i < FLEET_UP_MAX; i++)
        add(FLEET_UP_REVOKE, (uint8_t)i, 2);
    assert_false(fleet_up_queue_is_full(&queue, 2));
    answer(offer()->number); /* of the first */
    assert_false(fleet_up_queue_is_full(&queue, 1));
    for (uid_t uid = 3; queue.changes < FLEET_UP_MAX; uid++)
        add(FLEET_UP_UPDATE, (uint8_t)uid, uid);
    assert_true(fleet_up_queue_is_full(&queue, 2));
}

static void test_no_more_is_outstanding_than_may_be(void **state)
{
    uint64_t first = 0;

    (void)state;
    for (unsigned i = 0; i <= FLEET_UP_OFFERED_MAX; i++)
        add(FLEET_UP_REVOKE, (uint8_t)i, 1);
    for (unsigned i = 0; i < FLEET_UP_OFFERED_MAX; i++) {
        struct fleet_up_request *r = offer();
        assert_non_null(r);
        first = first == 0 ? r->number : first;
    }
    assert_null(offer());
    assert_false(fleet_up_queue_has(&queue, 0));
    answer(first);
    assert_non_null(offer());
}

static void test_a_new_connection_is_offered_the_same_numbers_first(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 4; i++)
        let_wait(add(FLEET_UP_UPDATE, i, i));
    uint64_t first = offer()->number, second = offer()->number, third = offer()->number;
    answer(second);
    fleet_up_queue_withdraw(&queue);
    assert_null(fleet_up_queue_answered(&queue, first)); /* it is the last one's answer */
    struct fleet_up_request *r = offer();
    assert_int_equal(r->number, first);
    assert_int_equal(r->offers, 2);
    assert_int_equal(offer()->number, third);
    assert_int_equal(offer()->number, third + 1);
    assert_null(offer());
}

static void test_what_nobody_waits_for_is_not_offered_again_but_denials_are(void **state)
{
    uint8_t update[DIGEST_SIZE] = { 1 }, denied[DIGEST_SIZE] = { 2 };

    (void)state;
    add(FLEET_UP_UPDATE, 1, 1);
    add(FLEET_UP_REVOKE, 2, 1);
    offer();
    offer();
    fleet_up_queue_withdraw(&queue);
    assert_null(fleet_up_queue_about(&queue, update));
    assert_non_null(fleet_up_queue_about(&queue, denied));
    assert_int_equal(offer()->event, FLEET_UP_REVOKE);
    assert_null(offer());
    assert_int_equal(queue.changes, 0);
    assert_int_equal(queue.denials, 1);
}

static void test_a_denial_is_found_to_be_joined_until_it_is_forgotten(void **state)
{
    uint8_t digest[DIGEST_SIZE] = { 7 };

    (void)state;
    add(FLEET_UP_DISABLE, 7, 1);
    struct fleet_up_request *r = add(FLEET_UP_REVOKE, 7, 1);
    assert_ptr_equal(fleet_up_queue_denial(&queue, FLEET_UP_REVOKE, digest, false), r);
    assert_null(fleet_up_queue_denial(&queue, FLEET_UP_REVOKE, digest, true));
    fleet_up_queue_remove(&queue, r);
    assert_ptr_equal(fleet_up_queue_denial(&queue, FLEET_UP_REVOKE, digest, false), r);
    fleet_up_queue_forget(&queue, r);
    fleet_up_request_free(r);
    assert_null(fleet_up_queue_denial(&queue, FLEET_UP_REVOKE, digest, false));
    assert_non_null(fleet_up_queue_about(&queue, digest));
}

static void test_what_is_put_back_is_offered_when_its_time_has_come_and_keeps_no_one_waiting(
    void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 3; i++) {
        add(FLEET_UP_REVOKE, i, 1);
        uint64_t number = offer()->number;
        fleet_up_queue_put_back(&queue, fleet_up_queue_answered(&queue, number), 100);
    }
    assert_false(fleet_up_queue_has(&queue, 99));
    assert_null(fleet_up_queue_offer(&queue, 99));
    add(FLEET_UP_UPDATE, 9, 2);
    struct fleet_up_request *a = fleet_up_queue_offer(&queue, 100),
                            *b = fleet_up_queue_offer(&queue, 100);
    assert_true(a->digest[0] == 9 || b->digest[0] == 9);
    assert_true(b->number > a->number && a->number > FIRST + 3); /* an old answer means neither */
}

static void test_a_request_is_removed_wherever_it_is(void **state)
{
    struct fleet_up_request *r[4];

    (void)state;
    for (uint8_t i = 0; i < 4; i++)
        r[i] = add(FLEET_UP_UPDATE, i, 1);
    for (int i = 0; i < 3; i++)
        offer();
    let_wait(r[0]);
    fleet_up_queue_put_back(&queue, fleet_up_queue_answered(&queue, r[1]->number), 100);
    fleet_up_queue_remove(&queue, r[2]); /* offered */
    fleet_up_queue_withdraw(&queue);
    fleet_up_queue_remove(&queue, r[0]); /* to be offered again */
    fleet_up_queue_remove(&queue, r[1]); /* later */
    fleet_up_queue_remove(&queue, r[3]); /* waiting */
    assert_null(fleet_up_queue_offer(&queue, 100));
    for (int i = 0; i < 4; i++) {
        fleet_up_queue_forget(&queue, r[i]);
        fleet_up_request_free(r[i]);
    }
    assert_int_equal(queue.changes + queue.outstanding, 0);
    assert_null(queue.users);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_numbers_ascend_in_the_order_of_offers),
        TEST(test_a_user_with_one_change_waits_for_one_of_another_who_has_many),
        TEST(test_a_user_has_no_more_than_his_share_and_denials_are_not_counted),
        TEST(test_no_more_is_outstanding_than_may_be),
        TEST(test_a_new_connection_is_offered_the_same_numbers_first),
        TEST(test_what_nobody_waits_for_is_not_offered_again_but_denials_are),
        TEST(test_a_denial_is_found_to_be_joined_until_it_is_forgotten),
        TEST(test_what_is_put_back_is_offered_when_its_time_has_come_and_keeps_no_one_waiting),
        TEST(test_a_request_is_removed_wherever_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
