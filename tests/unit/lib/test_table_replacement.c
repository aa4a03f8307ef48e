/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that replace each other while they are read. */
#include "tests/unit/support/forged_table.h"

#include <pthread.h>

#include "daemon/table/token_look.h"

static bool is_mapped(const void *at)
{
    unsigned char in_core;
    return mincore((void *)(uintptr_t)at, 1, &in_core) == 0;
}

static void a_replaced_table_stays_while_a_reader_is_inside(void **state)
{
    (void)state;
    struct forged_table f = forged_new(), g = forged_new();
    struct table_views views = { .retired = NULL };
    table_view_replace(&views, &readers, forged_open(&f, true));
    const void *at = atomic_load(&views.current)->table.header;
    readers.slot[5].count = 1;
    table_view_replace(&views, &readers, forged_open(&g, true));
    table_view_reap(&views, &readers);
    assert_true(is_mapped(at));
    readers.slot[5].count = 0;
    readers.slot[6].count = 1; /* each slot must be empty once, not all together */
    table_view_reap(&views, &readers);
    assert_false(is_mapped(at));
    readers.slot[6].count = 0;
    table_view_replace(&views, &readers, NULL);
    assert_true(table_view_usable(&views, &readers)); /* the view is kept, as it may be valid */
    g.header->state = TABLE_SUPERSEDED;
    table_view_replace(&views, &readers, NULL);
    assert_true(views.current == NULL && views.retired == NULL);
    forged_free(&f), forged_free(&g);
}

struct race {
    struct table_views views;
    atomic_bool stop;
};

static void *read_repeatedly(void *argument)
{
    struct race *race = argument;
    struct jeton_claims claims = JETON_CLAIMS_INIT;
    enum status status;

    while (!atomic_load(&race->stop))
        if (lookup(&race->views, 7, &status, &claims))
            assert_true(status == STATUS_OK && strcmp(claims.subject, "alice") == 0);
    return NULL;
}

static void readers_never_see_an_unmapped_table(void **state)
{
    (void)state;
    struct token_table *p = token_table_new("jtn", 0);
    struct record r = { .serial = 1, .expires = TIME_NEVER };
    struct race race = { .stop = false };
    pthread_t thread[4];
    char value[33];

    value_numbered(7, value);
    token_digest(slice_of(value), r.digest);
    record_set_subject(&r, slice_of("alice"));
    assert_int_equal(token_table_reserve(p, 1, 5), 0);
    token_table_put(p, &r);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, read_repeatedly, &race), 0);
    for (int i = 0; i < 600; i++) {
        struct table_view *v;
        uint64_t size, generation;
        int fd = token_look_descriptor(p, 0, &size, &generation);
        assert_null(table_view_open(fd, size, &final_conditions, &v));
        close(fd);
        table_view_replace(&race.views, &readers, v);
    }
    atomic_store(&race.stop, true);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    table_view_reap(&race.views, &readers);
    assert_null(race.views.retired);
    table_views_free(&race.views), token_table_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replaced_table_stays_while_a_reader_is_inside),
        cmocka_unit_test(readers_never_see_an_unmapped_table),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
