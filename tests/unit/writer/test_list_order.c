/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/writer/list_order.h"
#include "proto/table.h"

enum { TOKENS = 3000, HEAPS = 300, USERS = 20, MOST = 65536 };

static struct list_key keys[TOKENS];
static bool back; /* the order that is tried */

static struct list_key key_of(enum list_sort sort, unsigned number)
{
    struct list_key key = { .serial = number + 1 };

    if (sort == LIST_BY_SUBJECT)
        key.subject_len = (uint16_t)snprintf(key.subject, sizeof(key.subject), "s%u",
                                             (unsigned)rand() % 500);
    else
        key.number = rand() % 500;
    return key;
}

static int compare(const void *a, const void *b)
{
    return list_key_compare(a, b, back);
}

static void id_of(const struct list_key *key, uint8_t id[ID_SIZE])
{
    memset(id, 0, ID_SIZE);
    memcpy(id, &key->serial, sizeof(key->serial));
}

/* Get all tokens, some at a time, as a list does. */
static void check_passes(enum list_sort sort, size_t most)
{
    struct list_order *o = list_order_new(sort, back, most, 0);
    struct list_key last, key;
    uint8_t id[ID_SIZE], wanted[ID_SIZE];
    size_t got = 0;

    assert_non_null(o);
    do {
        assert_true(list_order_clear(o, most));
        for (size_t i = 0; i < TOKENS; i++) {
            size_t at = i * 7919 % TOKENS;
            id_of(&keys[at], id);
            if ((got == 0 || list_key_compare(&keys[at], &last, back) > 0) &&
                list_order_wants(o, &keys[at]))
                list_order_add(o, &keys[at], id);
        }
        list_order_arrange(o);
        while (list_order_next(o, &key, id)) {
            assert_true(got < TOKENS);
            id_of(&keys[got], wanted);
            assert_int_equal(list_key_compare(&key, &keys[got], back), 0);
            assert_memory_equal(id, wanted, ID_SIZE);
            last = key;
            got++;
        }
    } while (list_order_is_full(o));
    assert_int_equal(got, TOKENS);
    list_order_free(o);
}

static void every_token_comes_once_and_in_order_however_few_are_kept(void **state)
{
    (void)state;
    srand(1);
    for (int sort = LIST_BY_CREATION; sort <= LIST_BY_SUBJECT; sort++)
        for (int order = 0; order <= 1; order++) {
            back = order != 0;
            for (unsigned i = 0; i < TOKENS; i++)
                keys[i] = key_of((enum list_sort)sort, i);
            qsort(keys, TOKENS, sizeof(keys[0]), compare);
            for (size_t most = 7; most <= 2 * TOKENS; most *= 5)
                check_passes((enum list_sort)sort, most);
        }
}

/* Write a key as a reply has it, and read it as a request would give it. */
static void check_key(enum list_sort sort, const struct list_key *key)
{
    char bytes[LINE_MAX_BYTES];
    struct text t = text_in(bytes, sizeof(bytes));
    struct line line;
    struct list_key again;
    const char *why;

    list_key_put(&t, sort, key);
    assert_false(t.cut);
    assert_int_equal(line_parse(bytes, t.len, &line, &why), STATUS_OK);
    assert_true(list_key_parse(line_get(&line, "next"), sort, &again));
    assert_int_equal(list_key_compare(key, &again, false), 0);
}

static void key_is_read_as_it_was_written(void **state)
{
    static const char *const subjects[] = { "", "ann", "a/b", "/", "never/3", "a \"b\" \\ c" };
    struct list_key key = { .serial = UINT64_MAX };

    (void)state;
    for (int i = 0; i < 6; i++) {
        key.subject_len = (uint16_t)strlen(subjects[i]);
        memcpy(key.subject, subjects[i], key.subject_len);
        check_key(LIST_BY_SUBJECT, &key);
    }
    key.subject_len = SUBJECT_MAX;
    memset(key.subject, '"', SUBJECT_MAX);
    check_key(LIST_BY_SUBJECT, &key);
    key = (struct list_key){ .number = TIME_NEVER, .serial = 1 };
    check_key(LIST_BY_EXPIRY, &key);
    key.number = 1800000000;
    check_key(LIST_BY_EXPIRY, &key);
    check_key(LIST_BY_CREATION, &key);
    check_key(LIST_BY_USE, &key);
    key.number = 0;
    check_key(LIST_BY_USE, &key);
}

/* Fill a heap; return for how many tokens it has memory. */
static size_t filled(struct list_order *o)
{
    const struct list_key key = { .number = 1 };
    const uint8_t id[ID_SIZE] = { 0 };
    size_t kept = 0;

    assert_non_null(o);
    for (; !list_order_is_full(o); kept++)
        list_order_add(o, &key, id);
    return kept;
}

static struct list_order *heap_of(uid_t uid, uint64_t most)
{
    return list_order_new(LIST_BY_EXPIRY, false, most, uid);
}

static void heaps_of_one_user_take_no_memory_that_others_need(void **state)
{
    static struct list_order *heap[HEAPS], *other[USERS];
    size_t kept[USERS];

    (void)state;
    for (int i = 0; i < HEAPS; i++)
        heap[i] = heap_of(1, UINT64_MAX);
    assert_true(filled(heap[0]) == MOST && filled(heap[4]) == MOST);
    assert_true(filled(heap[HEAPS - 1]) < 1000);
    for (uid_t i = 0; i < USERS; i++) {
        other[i] = heap_of(2 + i, UINT64_MAX);
        kept[i] = filled(other[i]);
        assert_true(i >= 10 || kept[i] == MOST);
        assert_true(kept[i] > 10000);
    }
    for (int i = 0; i < HEAPS; i++)
        list_order_free(heap[i]);
    for (uid_t i = 0; i < USERS; i++)
        list_order_free(other[i]);
    heap[0] = heap_of(1, 5000);
    assert_int_equal(filled(heap[0]), 5000);
    list_order_free(heap[0]);
}

/* So memory is bounded however many users there are. */
static void heaps_are_small_once_all_users_have_much_memory(void **state)
{
    static struct list_order *heap[HEAPS];
    size_t all = 0;

    (void)state;
    for (uid_t i = 0; i < HEAPS; i++) {
        heap[i] = heap_of(i / 3, UINT64_MAX);
        all += filled(heap[i]);
    }
    assert_true(all < (64 << 20) / 32 + HEAPS * 256);
    for (int i = 0; i < HEAPS; i++)
        list_order_free(heap[i]);
}

static void heap_that_got_little_gets_more_once_there_is_more(void **state)
{
    static struct list_order *heap[HEAPS];
    const uint64_t most = 20000;

    (void)state;
    for (int i = 0; i < HEAPS; i++)
        heap[i] = heap_of(1, most);
    struct list_order *last = heap[HEAPS - 1];
    assert_true(filled(last) < 1000);
    assert_true(list_order_clear(last, most));
    assert_true(filled(last) < 1000);
    for (int i = 0; i < HEAPS - 1; i++)
        list_order_free(heap[i]);
    assert_true(list_order_clear(last, most));
    assert_int_equal(filled(last), most);
    list_order_free(last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_comes_once_and_in_order_however_few_are_kept),
        cmocka_unit_test(key_is_read_as_it_was_written),
        cmocka_unit_test(heaps_of_one_user_take_no_memory_that_others_need),
        cmocka_unit_test(heaps_are_small_once_all_users_have_much_memory),
        cmocka_unit_test(heap_that_got_little_gets_more_once_there_is_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
