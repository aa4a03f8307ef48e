/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens by SHA-256 in the table: what the reader makes of them, and what the layout tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "daemon/table/digest_scheme.h"
#include "daemon/table/generation.h"
#include "daemon/table/token_bans.h"
#include "proto/token.h"

enum { NOW = 1000000, MANY = 3000 };

#define VALUE "issued elsewhere, known by its SHA-256"

static struct token_table *table;

static int set_up(void **state)
{
    (void)state;
    table = token_table_new("jtn", 0);
    return table != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    token_table_free(table);
    return 0;
}

static struct record token_of(const char *value, uint8_t digest_alg)
{
    struct record r = {
        .serial = 1, .created = 1, .expires = TIME_NEVER, .digest_alg = digest_alg
    };

    (digest_alg == DIGEST_ALG_SHA256 ? token_sha256 : token_digest)(slice_of(value), r.digest);
    return r;
}

static void add(const struct record *r)
{
    assert_int_equal(token_table_reserve(table, 1, r->subject_len), 0);
    token_table_put(table, r);
}

static struct verdict judge(const char *value, const char *subject)
{
    const struct question q = { .value = slice_of(value),
                                .subject = subject != NULL ? slice_of(subject) :
                                                             (struct slice){ NULL, 0 } };
    const struct generation *g = token_table_enter(table, 0);
    struct verdict v;

    assert_true(verdict_worth_hashing(&q, &v));
    token_digest(q.value, v.digest);
    v.home = table_home(token_table_table(g), v.digest);
    verdict_judge(token_table_table(g), &q, NOW, &v);
    token_table_leave(table, 0);
    return v;
}

static uint32_t layout(void)
{
    uint32_t layout = token_table_table(token_table_enter(table, 0))->header->layout;

    token_table_leave(table, 0);
    return layout;
}

static void the_layout_changes_with_the_first_token_and_stays(void **state)
{
    (void)state;
    struct record own = token_of("one of jeton's own, in its own digest", DIGEST_ALG_OWN);

    add(&own);
    assert_int_equal(layout(), TABLE_LAYOUT);
    assert_false(digest_scheme_has_sha256(table));
    uint64_t before = token_table_figures(table).generation;
    assert_int_equal(digest_scheme_use_sha256(table), 0);
    assert_int_equal(layout(), TABLE_LAYOUT_SHA256);
    assert_int_equal(token_table_figures(table).generation, before + 1);
    assert_int_equal(digest_scheme_use_sha256(table), 0);
    assert_int_equal(token_table_figures(table).generation, before + 1);
    assert_int_equal(token_table_reserve(table, MANY, 0), 0); /* growth */
    assert_int_equal(layout(), TABLE_LAYOUT_SHA256);
    assert_int_equal(judge("one of jeton's own, in its own digest", NULL).status, STATUS_OK);
}

static void a_reader_of_the_first_layout_alone_does_not_find_the_token(void **state)
{
    (void)state;
    struct record r = token_of(VALUE, DIGEST_ALG_SHA256);

    add(&r); /* as the daemon never does */
    assert_int_equal(judge(VALUE, NULL).status, STATUS_UNKNOWN);
}

static void a_value_is_found_by_its_sha256(void **state)
{
    (void)state;
    struct record r = token_of(VALUE, DIGEST_ALG_SHA256);
    uint8_t digest[DIGEST_SIZE];

    record_set_subject(&r, slice_of("ann"));
    assert_int_equal(digest_scheme_look(table, 0, slice_of(VALUE), digest), 0);
    assert_int_equal(digest_scheme_use_sha256(table), 0);
    add(&r);
    struct verdict v = judge(VALUE, "ann");
    assert_int_equal(v.status, STATUS_OK);
    assert_true(v.found);
    assert_memory_equal(v.digest, r.digest, DIGEST_SIZE);
    assert_int_equal(judge(VALUE, "ben").status, STATUS_SUBJECT);
    assert_int_equal(judge(VALUE ".", NULL).status, STATUS_UNKNOWN);
    assert_int_equal(digest_scheme_look(table, 0, slice_of(VALUE), digest),
                     SLOT_PRESENT | SLOT_SHA256);
    assert_memory_equal(digest, r.digest, DIGEST_SIZE);
}

/* Only what says so passes by its SHA-256: a digest that was imported without its scheme does not. */
static void a_digest_without_its_scheme_only_denies(void **state)
{
    (void)state;
    struct record r = token_of(VALUE, DIGEST_ALG_SHA256);

    r.digest_alg = DIGEST_ALG_OWN;
    assert_int_equal(digest_scheme_use_sha256(table), 0);
    add(&r);
    assert_int_equal(judge(VALUE, NULL).status, STATUS_UNKNOWN);
    assert_true(token_table_deny(table, r.digest, SLOT_REVOKED, NULL));
    assert_int_equal(judge(VALUE, NULL).status, STATUS_REVOKED);
}

static void what_denies_one_of_two_twins_denies_the_value(void **state)
{
    (void)state;
    struct record own = token_of(VALUE, DIGEST_ALG_OWN), other = token_of(VALUE, DIGEST_ALG_SHA256);

    assert_int_equal(digest_scheme_use_sha256(table), 0);
    add(&own);
    add(&other);
    assert_int_equal(judge(VALUE, NULL).status, STATUS_OK);
    assert_memory_equal(judge(VALUE, NULL).digest, own.digest, DIGEST_SIZE);
    assert_true(token_table_deny(table, other.digest, SLOT_DISABLED, NULL));
    assert_int_equal(judge(VALUE, NULL).status, STATUS_DISABLED);
    assert_memory_equal(judge(VALUE, NULL).digest, other.digest, DIGEST_SIZE);
    token_table_allow(table, other.digest);
    assert_true(token_table_deny(table, own.digest, SLOT_REVOKED, NULL));
    assert_int_equal(judge(VALUE, NULL).status, STATUS_REVOKED);
    assert_memory_equal(judge(VALUE, NULL).digest, own.digest, DIGEST_SIZE);
}

static void a_ban_of_either_digest_denies_the_value(void **state)
{
    (void)state;
    struct record own = token_of(VALUE, DIGEST_ALG_OWN), other = token_of(VALUE, DIGEST_ALG_SHA256);

    assert_int_equal(digest_scheme_use_sha256(table), 0);
    assert_int_equal(token_table_keep_bans(table, true), 0);
    assert_int_equal(token_table_reserve(table, 2, 0), 0);
    token_bans_put(table, other.digest);
    assert_int_equal(judge(VALUE, NULL).status, STATUS_REVOKED);
    add(&own);
    assert_int_equal(judge(VALUE, NULL).status, STATUS_REVOKED);
    token_bans_remove(table, other.digest);
    assert_int_equal(judge(VALUE, NULL).status, STATUS_OK);
    token_table_remove(table, own.digest);
    add(&other);
    assert_int_equal(judge(VALUE, NULL).status, STATUS_OK);
    token_bans_put(table, own.digest);
    assert_int_equal(judge(VALUE, NULL).status, STATUS_REVOKED);
}

/* A slot that is being changed is no answer, and the digest to judge by again stays. */
static void a_torn_slot_is_no_answer(void **state)
{
    (void)state;
    struct record r = token_of(VALUE, DIGEST_ALG_SHA256);
    uint8_t own[DIGEST_SIZE];

    assert_int_equal(digest_scheme_use_sha256(table), 0);
    add(&r);
    struct generation *g = token_table_lock(table);
    struct table_slot *slot = &g->slots[generation_place(g, r.digest).slot];
    token_table_unlock(table);
    atomic_fetch_add(&slot->sequence, 1);
    struct verdict v = judge(VALUE, NULL);
    assert_int_equal(v.status, STATUS_UNAVAILABLE);
    token_digest(slice_of(VALUE), own);
    assert_memory_equal(v.digest, own, DIGEST_SIZE);
    atomic_fetch_add(&slot->sequence, 1);
    assert_int_equal(judge(VALUE, NULL).status, STATUS_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_layout_changes_with_the_first_token_and_stays),
        TEST(a_reader_of_the_first_layout_alone_does_not_find_the_token),
        TEST(a_value_is_found_by_its_sha256),
        TEST(a_digest_without_its_scheme_only_denies),
        TEST(what_denies_one_of_two_twins_denies_the_value),
        TEST(a_ban_of_either_digest_denies_the_value),
        TEST(a_torn_slot_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
