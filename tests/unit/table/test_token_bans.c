/* SPDX-License-Identifier: Apache-2.0 */
/* Bans and the other names of tokens in the table: what the reader makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>

#include "daemon/table/table_walk.h"
#include "daemon/table/token_bans.h"
#include "proto/token.h"

enum { NOW = 1000000, MANY = 3000 };

#define SIGNED "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwianRpIjoiMSJ9"

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

static struct record token_of(const char *value)
{
    struct record r = { .serial = 1, .created = 1, .expires = TIME_NEVER };

    token_digest(slice_of(value), r.digest);
    r.has_signed = token_signed_digest(slice_of(value), r.signed_part);
    return r;
}

static void add(const struct record *r)
{
    assert_int_equal(token_table_reserve(table, 2, 0), 0);
    token_table_put(table, r);
}

static void ban(const uint8_t digest[DIGEST_SIZE])
{
    assert_int_equal(token_table_reserve(table, 1, 0), 0);
    token_bans_put(table, digest);
}

static enum status judge(const char *value)
{
    const struct question q = { .value = slice_of(value) };
    const struct generation *g = token_table_enter(table, 0);
    struct verdict v;

    if (verdict_worth_hashing(&q, &v)) {
        token_digest(q.value, v.digest);
        v.home = table_home(token_table_table(g), v.digest);
        verdict_judge(token_table_table(g), &q, NOW, &v);
    }
    token_table_leave(table, 0);
    return v.status;
}

static void another_signature_has_the_state_of_the_token(void **state)
{
    (void)state;
    struct record r = token_of(SIGNED ".first");

    assert_true(r.has_signed);
    add(&r);
    assert_int_equal(judge(SIGNED ".first"), STATUS_OK);
    assert_int_equal(judge(SIGNED ".second"), STATUS_UNKNOWN);
    token_table_deny(table, r.digest, SLOT_DISABLED, NULL);
    assert_int_equal(judge(SIGNED ".first"), STATUS_DISABLED);
    assert_int_equal(judge(SIGNED ".second"), STATUS_DISABLED);
    token_table_allow(table, r.digest);
    assert_int_equal(judge(SIGNED ".second"), STATUS_UNKNOWN);
    r.expires = NOW;
    add(&r);
    assert_int_equal(judge(SIGNED ".second"), STATUS_EXPIRED);
    token_table_remove(table, r.digest);
    assert_int_equal(judge(SIGNED ".second"), STATUS_UNKNOWN);
    token_bans_remove_alias(table, &r);
    assert_int_equal(token_table_figures(table).tokens, 0);
}

static void a_ban_takes_the_place_of_a_token_and_of_its_alias(void **state)
{
    (void)state;
    struct record r = token_of(SIGNED ".first");
    uint8_t digest[DIGEST_SIZE];
    int64_t used;

    add(&r);
    ban(r.digest);
    assert_int_equal(judge(SIGNED ".first"), STATUS_OK);
    token_table_keep_bans(table, true);
    ban(r.signed_part);
    assert_int_equal(judge(SIGNED ".first"), STATUS_REVOKED);
    assert_int_equal(judge(SIGNED ".second"), STATUS_REVOKED);
    ban(r.digest);
    assert_int_equal(token_table_look(table, r.digest, digest, &used), 0);
    token_table_remove(table, r.digest);
    token_bans_remove_alias(table, &r);
    assert_int_equal(judge(SIGNED ".first"), STATUS_REVOKED);
    token_table_allow(table, r.digest);
    assert_int_equal(judge(SIGNED ".first"), STATUS_REVOKED);
    assert_int_equal(token_table_figures(table).tokens, 0);
    add(&r);
    assert_int_equal(token_table_figures(table).tokens, 1);
    assert_int_equal(judge(SIGNED ".first"), STATUS_REVOKED);
    assert_int_equal(judge(SIGNED ".second"), STATUS_REVOKED);
}

/* Names of each kind are digests of their own, so that none can be taken for another. */
static void names_do_not_collide(void **state)
{
    (void)state;
    uint8_t value[DIGEST_SIZE], part[DIGEST_SIZE], issued[DIGEST_SIZE], other[DIGEST_SIZE];

    token_digest(slice_of(SIGNED), value);
    assert_true(token_signed_digest(slice_of(SIGNED ".x"), part));
    token_issued_digest(slice_of(SIGNED), slice_of(""), issued);
    assert_memory_not_equal(value, part, DIGEST_SIZE);
    assert_memory_not_equal(value, issued, DIGEST_SIZE);
    assert_memory_not_equal(part, issued, DIGEST_SIZE);
    token_issued_digest(slice_of("ab"), slice_of("c"), issued);
    token_issued_digest(slice_of("a"), slice_of("bc"), other);
    assert_memory_not_equal(issued, other, DIGEST_SIZE);
    assert_true(token_signed_digest(slice_of(SIGNED ".y"), other));
    assert_memory_equal(part, other, DIGEST_SIZE);
    assert_false(token_signed_digest(slice_of(SIGNED), other));
    assert_false(token_signed_digest(slice_of(SIGNED ".x.y"), other));
    assert_false(token_signed_digest(slice_of(SIGNED ".x~"), other));
    assert_false(token_signed_digest(slice_of("a.b.c"), other));
}

static void bans_survive_growth_and_are_dropped_when_nobody_needs_them(void **state)
{
    (void)state;
    struct table_walk_ended ended[8];
    char value[64];
    uint32_t slot = 0;

    token_table_keep_bans(table, true);
    for (int i = 0; i < MANY; i++) {
        uint8_t digest[DIGEST_SIZE];
        snprintf(value, sizeof(value), "some-value-that-others-issued-%08d", i);
        token_digest(slice_of(value), digest);
        ban(digest);
    }
    struct record r = token_of(SIGNED ".first");
    add(&r);
    assert_int_equal(judge("some-value-that-others-issued-00000000"), STATUS_REVOKED);
    assert_int_equal(judge(value), STATUS_REVOKED);
    assert_int_equal(token_table_figures(table).tokens, 1);
    do
        assert_int_equal(table_walk_ended(table, &slot, 100000, NOW, ended, 8), 0);
    while (slot != 0);
    assert_int_equal(token_table_keep_bans(table, false), 0);
    assert_int_equal(judge(value), STATUS_UNKNOWN);
    token_table_deny(table, r.digest, SLOT_REVOKED, NULL);
    assert_int_equal(judge(SIGNED ".second"), STATUS_REVOKED);
}

#define IN_A_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_TABLE(another_signature_has_the_state_of_the_token),
        IN_A_TABLE(a_ban_takes_the_place_of_a_token_and_of_its_alias),
        cmocka_unit_test(names_do_not_collide),
        IN_A_TABLE(bans_survive_growth_and_are_dropped_when_nobody_needs_them),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
