/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "daemon/base/batch_queue.h"

/* Letters for all pairs: pair n holds some of them, and the number n. */
static char letters[BATCH_QUEUE_PAIR_MAX - sizeof(uint64_t)];

struct consumer {
    uint64_t next;
    uint64_t stop_at;
    uint64_t rest_every; /* sleep after this many pairs; 0: never */
    bool wrong;
    pthread_t thread;
};

static size_t length_of(uint64_t number)
{
    return number % 1000 == 999 ? sizeof(letters) : number * 37 % 600;
}

static bool consume(void *context, struct slice first, struct slice second)
{
    struct consumer *t = context;
    uint64_t number = 0;

    if (second.len == sizeof(number))
        memcpy(&number, second.at, sizeof(number));
    t->wrong = t->wrong || second.len != sizeof(number) || number != t->next ||
               first.len != length_of(number) ||
               (first.len > 0 && memcmp(first.at, letters, first.len) != 0);
    t->thread = pthread_self();
    t->next++;
    if (t->rest_every > 0 && t->next % t->rest_every == 0)
        usleep(100);
    return t->next != t->stop_at;
}

/* Put pairs, and sleep after every `rest_every` of them.  Return how many were accepted. */
static uint64_t put_all(struct batch_queue *c, uint64_t count, uint64_t rest_every)
{
    uint64_t number = 0;

    for (; number < count; number++) {
        struct slice bytes = { (const char *)&number, sizeof(number) };
        if (!batch_queue_put(c, (struct slice){ letters, length_of(number) }, bytes))
            break;
        if (rest_every > 0 && number % rest_every == 0)
            usleep(100);
    }
    return number;
}

static void pairs_are_consumed_in_order(void **state)
{
    (void)state;
    static const uint64_t counts[] = { 0, 1, 10, 1000, 1001, 5000, 20000 };

    for (size_t i = 0; i < 3 * sizeof(counts) / sizeof(counts[0]); i++) {
        struct consumer t = { .rest_every = i % 3 == 1 ? 500 : 0 };
        struct batch_queue *c = batch_queue_new(consume, &t);
        assert_non_null(c);
        assert_int_equal(put_all(c, counts[i / 3], i % 3 == 2 ? 500 : 0), counts[i / 3]);
        assert_true(batch_queue_finish(c));
        assert_int_equal(t.next, counts[i / 3]);
        assert_false(t.wrong);
    }
}

static void a_consumer_that_wants_no_more_stops_the_producer(void **state)
{
    (void)state;
    for (uint64_t stop_at = 1; stop_at < 100000; stop_at *= 7) {
        struct consumer t = { .stop_at = stop_at };
        struct batch_queue *c = batch_queue_new(consume, &t);
        assert_non_null(c);
        assert_true(put_all(c, 200000, 0) < 200000);
        assert_false(batch_queue_finish(c));
        assert_int_equal(t.next, stop_at);
        assert_false(t.wrong);
    }
}

/* Default to stacks larger than the address space, so that no thread can be started. */
static void without_a_thread_the_producer_consumes(void **state)
{
    (void)state;
    pthread_attr_t before, large;
    assert_int_equal(pthread_getattr_default_np(&before), 0);
    assert_int_equal(pthread_getattr_default_np(&large), 0);
    assert_int_equal(pthread_attr_setstacksize(&large, (size_t)1 << 50), 0);

    for (uint64_t stop_at = 0; stop_at < 5000; stop_at += 1500) {
        struct consumer t = { .stop_at = stop_at };
        assert_int_equal(pthread_setattr_default_np(&large), 0);
        struct batch_queue *c = batch_queue_new(consume, &t);
        assert_int_equal(pthread_setattr_default_np(&before), 0);
        assert_non_null(c);
        put_all(c, 5000, 0);
        assert_int_equal(batch_queue_finish(c), stop_at == 0);
        assert_int_equal(t.next, stop_at == 0 ? 5000 : stop_at);
        assert_true(pthread_equal(t.thread, pthread_self()));
        assert_false(t.wrong);
    }
    pthread_attr_destroy(&before);
    pthread_attr_destroy(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_consumed_in_order),
        cmocka_unit_test(a_consumer_that_wants_no_more_stops_the_producer),
        cmocka_unit_test(without_a_thread_the_producer_consumes),
    };

    memset(letters, 'a', sizeof(letters));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
