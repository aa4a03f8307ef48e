/* SPDX-License-Identifier: Apache-2.0 */
/* The index is compared with a list of all tokens, through additions, removals and moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/table/subject_index.h"
#include "proto/token.h"

enum { TOKENS = 20000, SUBJECTS = 40, STEPS = 60000, CHECKED = 500 };

/* What each token is, by its serial less 1. */
static struct model {
    bool there;
    int subject; /* 0: none */
    int64_t created;
} model[TOKENS];

static struct token_table *table;
static struct creation_index creation;
static struct subject_index subjects;
static uint32_t seed;

static uint32_t chance(uint32_t below)
{
    seed = seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return (seed >> 8) % below;
}

static struct slice name_of(int subject, char name[16])
{
    snprintf(name, 16, "user%d", subject);
    return subject == 0 ? (struct slice){ NULL, 0 } : slice_of(name);
}

static struct record record_of(uint64_t serial)
{
    static struct record r;
    char name[16];

    record_clear(&r);
    r.expires = INT64_MAX;
    r.serial = serial;
    r.created = model[serial - 1].created;
    memcpy(r.digest, &serial, sizeof(serial));
    r.digest[9] = 1;
    assert_null(record_set_subject(&r, name_of(model[serial - 1].subject, name)));
    return r;
}

static void add(uint64_t serial)
{
    model[serial - 1] = (struct model){ true, (int)chance(SUBJECTS), (int64_t)chance(100) };
    struct record r = record_of(serial);
    assert_int_equal(token_table_reserve(table, 1, SUBJECT_MAX), 0);
    assert_int_equal(creation_index_reserve(&creation, 1), 0);
    assert_true(subject_index_reserve(&subjects, 1));
    subject_index_add(&subjects, record_subject(&r), r.created, serial, r.digest);
    creation_index_add(&creation, r.created, serial, r.digest, 0);
    token_table_put(table, &r);
}

static void take_away(uint64_t serial)
{
    struct record r = record_of(serial);

    subject_index_remove(&subjects, table, r.digest, r.created, serial);
    creation_index_remove(&creation, r.created, serial);
    token_table_remove(table, r.digest);
    model[serial - 1].there = false;
}

static void move(uint64_t serial)
{
    struct record r = record_of(serial);

    assert_true(subject_index_reserve(&subjects, 1));
    assert_int_equal(token_table_reserve(table, 1, SUBJECT_MAX), 0);
    subject_index_remove(&subjects, table, r.digest, r.created, serial);
    model[serial - 1].subject = (int)chance(SUBJECTS);
    r = record_of(serial);
    subject_index_add(&subjects, record_subject(&r), r.created, serial, r.digest);
    token_table_put(table, &r);
}

/* Compare what is found of a subject with the list. */
static void check(int subject)
{
    struct creation_entry e = { .created = -1 }; /* before all of the model */
    int64_t created = INT64_MIN;
    uint64_t serial = 0, found = 0, there = 0;
    char name[16];

    while (subject_index_next(&subjects, name_of(subject, name), e.created, e.serial, &e)) {
        assert_true(e.created > created || (e.created == created && e.serial > serial));
        assert_true(model[e.serial - 1].there && model[e.serial - 1].subject == subject);
        assert_int_equal(model[e.serial - 1].created, e.created);
        created = e.created;
        serial = e.serial;
        found++;
    }
    for (int i = 0; i < TOKENS; i++)
        there += model[i].there && model[i].subject == subject;
    assert_int_equal(found, there);
    assert_int_equal(subject_index_count(&subjects, name_of(subject, name), UINT64_MAX), there);
    assert_int_equal(subject_index_count(&subjects, name_of(subject, name), 3),
                     there < 3 ? there : 3);
}

static void step(void)
{
    uint64_t serial = 1 + chance(TOKENS);

    if (!model[serial - 1].there)
        add(serial);
    else if (chance(3) == 0)
        move(serial);
    else
        take_away(serial);
}

static int set_up(void **state)
{
    (void)state;
    table = token_table_new("jtn", 100);
    memset(model, 0, sizeof(model));
    seed = 1;
    return table == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    subject_index_forget(&subjects);
    creation_index_free(&creation);
    token_table_free(table);
    return 0;
}

static void it_finds_what_is_there_in_order(void **state)
{
    (void)state;
    assert_true(subject_index_build(&subjects, &creation, table));
    for (int i = 0; i < STEPS; i++) {
        step();
        if (i % CHECKED == 0)
            check(1 + (int)chance(SUBJECTS - 1));
    }
    for (uint64_t serial = 1; serial <= TOKENS; serial++)
        if (model[serial - 1].there && chance(10) > 0)
            take_away(serial);
    for (int subject = 1; subject < SUBJECTS; subject++)
        check(subject);
}

static void it_can_be_built_at_any_time(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < STEPS / 4; i++)
            step();
        struct creation_entry e;
        assert_false(subject_index_next(&subjects, slice_of("user1"), INT64_MIN, 0, &e));
        assert_true(subject_index_build(&subjects, &creation, table));
        for (int subject = 1; subject < SUBJECTS; subject++)
            check(subject);
        subject_index_forget(&subjects);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_finds_what_is_there_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_can_be_built_at_any_time, set_up, tear_down),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
