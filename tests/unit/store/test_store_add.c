/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that are added to a store with a log: a checkpoint is told that the file does not have them, so that
 * it need not look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "daemon/base/log.h"
#include "daemon/store/store_private.h"
#include "daemon/store/store_saving.h"
#include "tests/unit/support/logged_store.h"
#include "tests/unit/support/numbered_tokens.h"

/* Find what is logged of a token, and not saved. */
static struct overlay_entry logged(const struct store *s, uint64_t number)
{
    struct record r = record_numbered(number);
    char key[RECORD_KEY_SIZE];
    struct overlay_entry e;

    record_key(r.digest, key);
    for (size_t at = 0; overlay_next(s->log->active, &at, &e);)
        if (slice_equal(e.key, (struct slice){ key, sizeof(key) }))
            return e;
    fail_msg("nothing is logged of token %llu", (unsigned long long)number);
    return e;
}

static void check_all_read(struct store *s, uint64_t last)
{
    struct record back;

    for (uint64_t i = 1; i <= last; i++) {
        assert_int_equal(store_get(s, record_numbered(i).digest, &back), STORE_FOUND);
        assert_int_equal(back.revoked, i == 1 ? 77 : 0);
    }
}

static void only_what_the_file_does_not_have_is_taken_for_new(void **state)
{
    (void)state;
    struct store *s = open_logged();
    struct record changed = record_numbered(1), there = record_numbered(2),
                  removed = record_numbered(3), fourth = record_numbered(4),
                  fifth = record_numbered(5);

    changed.revoked = 77;
    save(s, journal, 1, 3);
    assert_true(store_save(s, &problem));
    assert_true(store_begin(s));
    assert_int_equal(store_add(s, &there), STORE_FOUND);
    assert_true(store_put(s, &changed) && store_remove(s, removed.digest));
    assert_int_equal(store_add(s, &removed), STORE_ABSENT);
    assert_int_equal(store_add(s, &fourth), STORE_ABSENT);
    assert_int_equal(store_add_new(s, &fifth), STORE_ABSENT);
    assert_int_equal(store_add_new(s, &fifth), STORE_FOUND);
    assert_true(store_commit(s));
    assert_true(logged(s, 4).added && logged(s, 5).added);
    assert_false(logged(s, 1).added || logged(s, 3).added);
    assert_true(store_save(s, &problem));
    check_all_read(s, 5);
    store_close(s);
    s = store_open(path, STORE_WRITE, &problem);
    check_all_read(s, 5);
    close_store(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(only_what_the_file_does_not_have_is_taken_for_new),
    };

    if (sodium_init() < 0)
        return 1;
    log_set_level((enum log_level)0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
