/* SPDX-License-Identifier: Apache-2.0 */
/* Times of last use are read back as written, for single tokens and for many that share a
 * record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/table/token_look.h"
#include "daemon/writer/last_used.h"
#include "daemon/base/log.h"

enum { TOKENS = 300, BUCKETS = 3 };

static char store[64];

/* Make digests that share their first two bytes with many others. */
static void digest_of(unsigned number, uint8_t digest[DIGEST_SIZE])
{
    memset(digest, 0x77, DIGEST_SIZE);
    digest[0] = digest[1] = (uint8_t)(number % BUCKETS);
    memcpy(digest + ID_SIZE - sizeof(number), &number, sizeof(number));
}

static struct token_table *token_table(void)
{
    struct token_table *p = token_table_new("jtn", TOKENS);

    for (unsigned i = 0; i < TOKENS; i++) {
        struct record r = { .serial = i + 1, .created = 1, .expires = TIME_NEVER };
        digest_of(i, r.digest);
        token_table_put(p, &r);
    }
    return p;
}

static void use(struct token_table *p, unsigned number, int64_t now)
{
    uint8_t digest[DIGEST_SIZE];

    digest_of(number, digest);
    token_look_touch(p, 0, digest, now);
}

static int64_t get(struct last_used *l, unsigned number)
{
    uint8_t digest[DIGEST_SIZE];

    digest_of(number, digest);
    return last_used_get(l, digest, 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(store, sizeof(store), "/tmp/jeton-last_used-%d.tdb", (int)getpid());
    return 0;
}

static int tear_down(void **state)
{
    char path[80];

    (void)state;
    snprintf(path, sizeof(path), "%s.used", store);
    return unlink(path);
}

static void what_was_written_is_there_after_a_restart(void **state)
{
    (void)state;
    struct token_table *p = token_table();
    struct last_used *l = last_used_open(store);

    for (unsigned i = 0; i < TOKENS; i += 2)
        use(p, i, 1000000 + i);
    last_used_flush(l, p, 1000400);
    for (unsigned i = 0; i < TOKENS; i += 4) /* later uses replace those, others are new */
        use(p, i, 2000000 + i);
    use(p, 1, 2000001);
    last_used_flush(l, p, 2000400);
    last_used_close(l);
    l = last_used_open(store);
    for (unsigned i = 2; i < TOKENS; i++)
        assert_int_equal(get(l, i), i % 4 == 0 ? 2000000 + i : i % 2 == 0 ? 1000000 + i : 0);
    assert_int_equal(get(l, 1), 2000001);
    assert_int_equal(last_used_get(l, (const uint8_t[ID_SIZE]){ 0 }, 77), 77);
    last_used_close(l);
    token_table_free(p);
}

static void removing_one_use_leaves_the_others(void **state)
{
    (void)state;
    struct token_table *p = token_table();
    struct last_used *l = last_used_open(store);
    uint8_t digest[DIGEST_SIZE];

    for (unsigned i = 0; i < TOKENS; i++)
        use(p, i, 3000000 + i);
    last_used_flush(l, p, 3000400);
    for (unsigned i = 0; i < TOKENS; i++) {
        digest_of(i, digest);
        last_used_remove(l, digest);
        last_used_remove(l, digest);
        assert_int_equal(get(l, i), 0);
        for (unsigned other = i + 1; other < TOKENS; other += 7)
            assert_int_equal(get(l, other), 3000000 + other);
    }
    last_used_close(l);
    token_table_free(p);
}

/* An import brings uses of long ago, which a round would pass over, and at any moment of one. */
static void a_use_that_is_noted_later_is_written(void **state)
{
    (void)state;
    struct token_table *p = token_table();
    struct last_used *l = last_used_open(store);
    uint8_t digest[DIGEST_SIZE];

    use(p, 0, 5000000);
    last_used_flush(l, p, 5000100);
    last_used_flush(l, p, 5000200);
    digest_of(1, digest);
    last_used_note(l, p, digest, 1000000);
    last_used_note(l, p, digest, 900000); /* earlier than what is known */
    last_used_flush(l, p, 5000300);
    assert_int_equal(get(l, 1), 1000000);
    digest_of(0, digest);
    last_used_note(l, p, digest, 1000000);
    last_used_flush(l, p, 5000400);
    assert_int_equal(get(l, 0), 5000000);
    last_used_close(l);
    token_table_free(p);
}

static void what_is_loaded_is_in_the_table_and_no_earlier(void **state)
{
    (void)state;
    struct token_table *p = token_table(), *next = token_table();
    struct last_used *l = last_used_open(store);
    uint8_t digest[DIGEST_SIZE], found[DIGEST_SIZE];
    int64_t used;

    for (unsigned i = 0; i < TOKENS; i += 2)
        use(p, i, 6000000 + i);
    last_used_flush(l, p, 6000400);
    use(next, 2, 7000000);
    while (!last_used_load(l, next))
        continue;
    for (unsigned i = 0; i < TOKENS; i++) {
        digest_of(i, digest);
        assert_true(token_table_look(next, digest, found, &used) != 0);
        assert_int_equal(used, i == 2 ? 7000000 : i % 2 == 0 ? 6000000 + i : 0);
        assert_int_equal(last_used_get(l, digest, used), used);
    }
    last_used_close(l);
    token_table_free(p);
    token_table_free(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_use_that_is_noted_later_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_loaded_is_in_the_table_and_no_earlier, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_is_there_after_a_restart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(removing_one_use_leaves_the_others, set_up, tear_down),
    };

    if (sodium_init() < 0)
        return 1;
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
