/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's file does not have yet, against a simple model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/store/overlay.h"

enum { KEYS = 3000, VALUE_MAX = 900, STEPS = 20000 };

/* What is noted of each key: 0: nothing; 1: it is removed; else a value of that many bytes, less two. */
static unsigned short model[KEYS], newer_model[KEYS];

static struct slice key_of(unsigned n, char text[16])
{
    return (struct slice){ text, (size_t)snprintf(text, 16, "key/%u", n) };
}

/* A value whose bytes depend on key and length. */
static struct slice value_of(unsigned n, size_t len, char bytes[VALUE_MAX])
{
    memset(bytes, (int)('a' + (n + len) % 26), len);
    return (struct slice){ bytes, len };
}

static void change(struct overlay *o, unsigned short *of, unsigned n)
{
    char text[16], bytes[VALUE_MAX];
    struct slice key = key_of(n, text);

    if (randombytes_uniform(4) == 0) {
        assert_true(overlay_remove(o, key));
        of[n] = 1;
        return;
    }
    size_t len = randombytes_uniform(VALUE_MAX);
    assert_true(overlay_put(o, key, value_of(n, len, bytes)));
    of[n] = (unsigned short)(len + 2);
}

static void check(const struct overlay *o, const unsigned short *of)
{
    char text[16], bytes[VALUE_MAX];
    struct overlay_entry e;
    size_t count = 0, seen = 0;
    struct slice value;

    for (unsigned n = 0; n < KEYS; n++) {
        enum overlay_found found = overlay_find(o, key_of(n, text), &value);
        assert_int_equal(found, of[n] == 0 ? OVERLAY_NOTHING :
                                of[n] == 1 ? OVERLAY_REMOVED :
                                             OVERLAY_VALUE);
        if (of[n] > 1)
            assert_true(slice_equal(value, value_of(n, of[n] - 2U, bytes)));
        count += of[n] != 0;
    }
    for (size_t at = 0; overlay_next(o, &at, &e); seen++) {
        assert_true(e.removed == (overlay_find(o, e.key, &value) == OVERLAY_REMOVED));
        assert_true(e.removed || slice_equal(e.value, value));
    }
    assert_int_equal(seen, count);
    assert_int_equal(overlay_count(o), count);
}

static void what_was_put_last_is_found(void **state)
{
    (void)state;
    struct overlay *o = overlay_new();

    memset(model, 0, sizeof(model));
    check(o, model);
    for (int i = 0; i < STEPS; i++)
        change(o, model, randombytes_uniform(KEYS));
    check(o, model);
    overlay_clear(o);
    memset(model, 0, sizeof(model));
    check(o, model);
    change(o, model, 7);
    check(o, model);
    overlay_free(o);
}

static void what_is_merged_wins(void **state)
{
    (void)state;
    struct overlay *o = overlay_new(), *newer = overlay_new();

    memset(model, 0, sizeof(model));
    for (int turn = 0; turn < 50; turn++) {
        memset(newer_model, 0, sizeof(newer_model));
        overlay_clear(newer);
        for (int i = 0; i < 300; i++)
            change(newer, newer_model, randombytes_uniform(KEYS));
        assert_true(overlay_reserve(o, newer));
        overlay_merge(o, newer);
        for (unsigned n = 0; n < KEYS; n++)
            model[n] = newer_model[n] != 0 ? newer_model[n] : model[n];
        check(newer, newer_model);
    }
    check(o, model);
    overlay_free(o);
    overlay_free(newer);
}

/* A block of the journal is put again and again, a little longer each time. */
static void a_value_that_grows_takes_little_more_than_its_last_length(void **state)
{
    (void)state;
    static char bytes[32 * 1024];
    struct overlay *o = overlay_new();

    for (size_t len = 0; len < sizeof(bytes); len += 150)
        assert_true(overlay_put(o, slice_of("journal/0"), (struct slice){ bytes, len }));
    assert_true(overlay_bytes(o) < 5 * sizeof(bytes));
    overlay_free(o);
}

static bool is_added(const struct overlay *o, const char *key)
{
    struct overlay_entry e;

    for (size_t at = 0; overlay_next(o, &at, &e);)
        if (slice_is(e.key, key))
            return e.added;
    fail_msg("%s is not there", key);
    return false;
}

static void what_was_added_is_known_as_that_until_it_is_gone(void **state)
{
    (void)state;
    struct overlay *o = overlay_new(), *newer = overlay_new();
    const struct slice a = slice_of("a"), b = slice_of("b"), c = slice_of("c"), x = slice_of("x");

    assert_true(overlay_add(newer, a, x) && overlay_put(newer, a, x));
    assert_true(overlay_put(newer, b, x) && overlay_remove(newer, b) && overlay_add(newer, b, x));
    assert_true(overlay_add(newer, c, x) && overlay_remove(newer, c) && overlay_add(newer, c, x));
    assert_true(overlay_reserve(o, newer));
    overlay_merge(o, newer);
    assert_true(is_added(o, "a"));
    assert_false(is_added(o, "b"));
    assert_true(is_added(o, "c"));
    overlay_clear(newer);
    assert_true(overlay_put(newer, a, x) && overlay_add(newer, b, x) && overlay_reserve(o, newer));
    overlay_merge(o, newer);
    assert_true(is_added(o, "a"));
    assert_false(is_added(o, "b"));
    overlay_free(o);
    overlay_free(newer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_last_is_found),
        cmocka_unit_test(what_is_merged_wins),
        cmocka_unit_test(what_was_added_is_known_as_that_until_it_is_gone),
        cmocka_unit_test(a_value_that_grows_takes_little_more_than_its_last_length),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
