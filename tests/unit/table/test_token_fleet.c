/* SPDX-License-Identifier: Apache-2.0 */
/* What a table says of a fleet's tokens, by its lease.  The machine sleeps by moving CLOCK_BOOTTIME, which the
 * other clock does not follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>

#define FAKE_CLOCK_ID CLOCK_BOOTTIME
#include "daemon/base/clock.h"
#include "daemon/table/digest_scheme.h"
#include "daemon/table/generation.h"
#include "daemon/table/lease.h"
#include "daemon/table/lookup.h"
#include "proto/token.h"
#include "tests/unit/support/fake_clock.h"

enum { NOW = 1000000, FLEET, LOCAL, ABSENT, GROWTH = 100000 };

static struct token_table *table;

static const char *value_of(unsigned number)
{
    static char value[40];

    snprintf(value, sizeof(value), "value-%026u", number);
    return value;
}

static struct record record_of(unsigned number, bool fleet)
{
    struct record r = { .serial = number, .created = NOW, .expires = TIME_NEVER };

    token_digest(slice_of(value_of(number)), r.digest);
    assert_null(record_set_group(&r, slice_of(fleet ? "web" : "")));
    return r;
}

static void put(const struct record *r)
{
    assert_int_equal(token_table_reserve(table, 1, r->subject_len + r->scopes_len), 0);
    token_table_put(table, r);
}

static int set_up(void **state)
{
    (void)state;
    struct record fleet = record_of(FLEET, true), local = record_of(LOCAL, false);

    fake_clock_offset = 0;
    table = token_table_new("jtn", 0);
    assert_non_null(table);
    assert_false(token_table_has_fleet(table));
    assert_int_equal(token_table_use_fleet(table), 0);
    assert_true(token_table_has_fleet(table));
    put(&fleet), put(&local);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    token_table_free(table);
    return 0;
}

/* Judge as the daemon does. */
static struct verdict judge_for(const struct question *q)
{
    struct verdict v;

    lookup_judge(table, token_table_enter(table, 0), q, NOW, &v);
    token_table_leave(table, 0);
    return v;
}

static enum status status_of(unsigned number)
{
    return judge_for(&(struct question){ .value = slice_of(value_of(number)) }).status;
}

static void grant(int64_t until, int64_t keep)
{
    int64_t now = clock_boottime();

    token_table_set_fleet_lease(table, until == 0 ? 0 : now + until * CLOCK_SECOND,
                                keep == 0 ? 0 : now + keep * CLOCK_SECOND);
}

/* Check what is said of a token of the fleet, one of this host, and a value that is neither's. */
static void are(enum status fleet, enum status local, enum status absent)
{
    assert_int_equal(status_of(FLEET), fleet);
    assert_int_equal(status_of(LOCAL), local);
    assert_int_equal(status_of(ABSENT), absent);
}

/* Copy the current header, as a client sees it. */
static struct table_header header(void)
{
    struct table_header h = *token_table_lock(table)->header;

    token_table_unlock(table);
    return h;
}

static void without_a_lease_only_this_hosts_tokens_are_judged(void **state)
{
    (void)state;
    are(STATUS_UNAVAILABLE, STATUS_OK, STATUS_UNAVAILABLE);
    grant(60, 60);
    are(STATUS_OK, STATUS_OK, STATUS_UNKNOWN);
    grant(-1, -1);
    are(STATUS_UNAVAILABLE, STATUS_OK, STATUS_UNAVAILABLE);
    grant(60, 60);
    grant(0, 0);
    are(STATUS_UNAVAILABLE, STATUS_OK, STATUS_UNAVAILABLE);
}

static void known_tokens_are_kept_longer_than_nobody_is_unknown(void **state)
{
    (void)state;
    grant(10, 3600);
    are(STATUS_OK, STATUS_OK, STATUS_UNKNOWN);
    fake_clock_offset = 11;
    are(STATUS_OK, STATUS_OK, STATUS_UNAVAILABLE);
    fake_clock_offset = 3601;
    are(STATUS_UNAVAILABLE, STATUS_OK, STATUS_UNAVAILABLE);
    fake_clock_offset = 0;
    grant(60, 10); /* never less than the lease */
    fake_clock_offset = 11;
    are(STATUS_OK, STATUS_OK, STATUS_UNKNOWN);
}

static void what_is_stale_tells_nothing_of_the_token(void **state)
{
    (void)state;
    struct verdict v = judge_for(&(struct question){ .value = slice_of(value_of(FLEET)) });

    assert_int_equal(v.terms, VERDICT_KNOWN);
    assert_false(v.found);
    v = judge_for(&(struct question){ .value = slice_of(value_of(ABSENT)) });
    assert_int_equal(v.terms, VERDICT_UNKNOWN);
    assert_true(lookup_is_stale(&v));
    v = judge_for(&(struct question){ .value = slice_of(value_of(LOCAL)) });
    assert_int_equal(v.terms, VERDICT_FINAL);
    assert_true(v.found);
}

static void a_denial_is_final_and_the_rest_is_not(void **state)
{
    (void)state;
    struct record r = record_of(FLEET, true);
    const char *bad_check = "jtn_0000000000000000000000000000000000000000000000001";

    assert_true(token_table_deny(table, r.digest, SLOT_DISABLED, NULL));
    are(STATUS_DISABLED, STATUS_OK, STATUS_UNAVAILABLE);
    token_table_put(table, &r); /* a put undoes no denial */
    are(STATUS_DISABLED, STATUS_OK, STATUS_UNAVAILABLE);
    token_table_allow(table, r.digest);
    are(STATUS_UNAVAILABLE, STATUS_OK, STATUS_UNAVAILABLE);
    assert_true(token_table_deny(table, r.digest, SLOT_REVOKED, NULL));
    token_table_put(table, &r);
    token_table_allow(table, r.digest);
    are(STATUS_REVOKED, STATUS_OK, STATUS_UNAVAILABLE);
    struct question q = { .value = slice_of(bad_check) };
    assert_int_equal(judge_for(&q).status, STATUS_MALFORMED);
    q.value = slice_of("too short");
    assert_int_equal(judge_for(&q).status, STATUS_MALFORMED);
    q.value = slice_of("0123456789abcdef0123");
    assert_int_equal(judge_for(&q).status, STATUS_IDENTIFIER);
}

static void each_other_refusal_of_a_fleets_token_needs_the_lease(void **state)
{
    (void)state;
    struct record r = record_of(FLEET, true);
    struct question q = { .value = slice_of(value_of(FLEET)) };

    r.expires = NOW - 1;
    token_table_put(table, &r);
    assert_int_equal(judge_for(&q).status, STATUS_UNAVAILABLE);
    grant(60, 60);
    assert_int_equal(judge_for(&q).status, STATUS_EXPIRED);
    r.expires = TIME_NEVER, r.activates = NOW + 9;
    token_table_put(table, &r);
    assert_int_equal(judge_for(&q).status, STATUS_PENDING);
    grant(0, 0);
    assert_int_equal(judge_for(&q).status, STATUS_UNAVAILABLE);
    r.activates = 0;
    token_table_put(table, &r);
    q.scopes = slice_of("deploy");
    assert_int_equal(judge_for(&q).status, STATUS_UNAVAILABLE);
    grant(60, 60);
    assert_int_equal(judge_for(&q).status, STATUS_SCOPE);
    q.subject = slice_of("alice");
    assert_int_equal(judge_for(&q).status, STATUS_SUBJECT);
}

static void a_new_generation_takes_the_lease_along(void **state)
{
    (void)state;
    int64_t until, keep, until_before, keep_before;

    grant(60, 3600);
    token_table_fleet_lease(table, &until_before, &keep_before);
    assert_true(until_before > 0 && keep_before == until_before + 3540 * CLOCK_SECOND);
    struct table_header before = header();
    assert_int_equal(token_table_reserve(table, GROWTH, 0), 0);
    assert_int_equal(header().generation, before.generation + 1);
    token_table_fleet_lease(table, &until, &keep);
    assert_true(until == until_before && keep == keep_before);
    are(STATUS_OK, STATUS_OK, STATUS_UNKNOWN);
    int64_t moved = header().monotonic.until - before.monotonic.until;
    assert_true(moved > -CLOCK_SECOND && moved < CLOCK_SECOND);
    grant(0, 0);
    assert_int_equal(token_table_recall(table), 0);
    are(STATUS_UNAVAILABLE, STATUS_OK, STATUS_UNAVAILABLE);
}

static void clients_get_the_deadlines_by_their_clock_and_again_each_second(void **state)
{
    (void)state;
    const int64_t some = CLOCK_SECOND / 2;
    int64_t before = (int64_t)clock_monotonic();

    grant(60, 3600);
    struct table_header h = header();
    int64_t now = (int64_t)clock_monotonic();
    assert_in_range(h.monotonic.until, before + 60 * CLOCK_SECOND - some, now + 60 * CLOCK_SECOND);
    assert_in_range(h.monotonic.keep, before + 3600 * CLOCK_SECOND - some,
                    now + 3600 * CLOCK_SECOND);
    fake_clock_offset = 40; /* the machine slept */
    token_table_renew_lease(table);
    h = header();
    assert_in_range(h.monotonic.until, before + 20 * CLOCK_SECOND - some, now + 20 * CLOCK_SECOND);
    are(STATUS_OK, STATUS_OK, STATUS_UNKNOWN);
    fake_clock_offset = 61;
    are(STATUS_OK, STATUS_OK, STATUS_UNAVAILABLE); /* at once: the daemon reads the other clock */
    token_table_renew_lease(table);
    assert_true(header().monotonic.until < now);
}

static void no_lease_is_longer_than_the_longest(void **state)
{
    (void)state;
    int64_t before = clock_boottime(), until, keep;

    token_table_set_fleet_lease(table, INT64_MAX, INT64_MAX);
    token_table_fleet_lease(table, &until, &keep);
    int64_t now = clock_boottime();
    assert_in_range(until, before + TABLE_FLEET_UNTIL_MAX, now + TABLE_FLEET_UNTIL_MAX);
    assert_in_range(keep, before + TABLE_FLEET_KEEP_MAX, now + TABLE_FLEET_KEEP_MAX);
    are(STATUS_OK, STATUS_OK, STATUS_UNKNOWN);
    token_table_set_fleet_lease(table, INT64_MIN, INT64_MIN);
    are(STATUS_UNAVAILABLE, STATUS_OK, STATUS_UNAVAILABLE);
    token_table_set_fleet_lease(table, 60, INT64_MAX);
    are(STATUS_OK, STATUS_OK, STATUS_UNAVAILABLE);
}

static void closing_the_table_ends_the_lease(void **state)
{
    (void)state;
    int64_t until, keep;

    grant(60, 60);
    token_table_close(table);
    token_table_fleet_lease(table, &until, &keep);
    assert_true(until == 0 && keep == 0);
    token_table_renew_lease(table); /* by the main thread's timer */
    assert_true(header().monotonic.keep < (int64_t)clock_monotonic());
    are(STATUS_UNAVAILABLE, STATUS_OK, STATUS_UNAVAILABLE);
}

static void a_table_without_a_fleet_has_no_lease(void **state)
{
    (void)state;
    int64_t until, keep;

    token_table_free(table);
    table = token_table_new("jtn", 0);
    grant(60, 60);
    token_table_fleet_lease(table, &until, &keep);
    assert_true(until == 0 && keep == 0);
    assert_int_equal(header().layout, TABLE_LAYOUT);
    assert_int_equal(status_of(ABSENT), STATUS_UNKNOWN);
}

/* A reader that knows the first four layouts reads the number of slots as the third and the fourth have
 * it, or not at all. */
static void the_layout_tells_a_fleet_and_stays(void **state)
{
    (void)state;
    uint64_t generation = header().generation;

    assert_int_equal(header().layout, TABLE_LAYOUT_FLEET);
    assert_int_equal(table_slot_count(TABLE_LAYOUT_FLEET, header().slots),
                     token_table_figures(table).slots);
    assert_int_equal(token_table_use_fleet(table), 0);
    assert_int_equal(header().generation, generation);
    assert_int_equal(token_table_reserve(table, GROWTH, 0), 0);
    assert_int_equal(header().layout, TABLE_LAYOUT_FLEET);
    assert_int_equal(digest_scheme_use_sha256(table), 0);
    assert_int_equal(header().layout, TABLE_LAYOUT_FLEET_SHA256);
    are(STATUS_UNAVAILABLE, STATUS_OK, STATUS_UNAVAILABLE);
    grant(60, 60);
    are(STATUS_OK, STATUS_OK, STATUS_UNKNOWN);
    token_table_free(table);
    table = token_table_new("jtn", 0);
    assert_int_equal(digest_scheme_use_sha256(table), 0);
    assert_int_equal(token_table_use_fleet(table), 0);
    assert_int_equal(header().layout, TABLE_LAYOUT_FLEET_SHA256);
}

static void a_fleets_token_by_sha256_has_its_terms(void **state)
{
    (void)state;
    struct record r = { .serial = 9, .created = NOW, .expires = TIME_NEVER };
    struct question q = { .value = slice_of("somebody-else-made-this-value-for-us") };

    assert_int_equal(digest_scheme_use_sha256(table), 0);
    r.digest_alg = DIGEST_ALG_SHA256;
    token_sha256(q.value, r.digest);
    assert_null(record_set_group(&r, slice_of("web")));
    put(&r);
    assert_int_equal(judge_for(&q).terms, VERDICT_KNOWN);
    assert_int_equal(judge_for(&q).status, STATUS_UNAVAILABLE);
    grant(1, 60);
    assert_int_equal(judge_for(&q).status, STATUS_OK);
    assert_true(token_table_deny(table, r.digest, SLOT_REVOKED, NULL));
    grant(0, 0);
    assert_int_equal(judge_for(&q).status, STATUS_REVOKED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_lease_only_this_hosts_tokens_are_judged),
        TEST(known_tokens_are_kept_longer_than_nobody_is_unknown),
        TEST(what_is_stale_tells_nothing_of_the_token),
        TEST(a_denial_is_final_and_the_rest_is_not),
        TEST(each_other_refusal_of_a_fleets_token_needs_the_lease),
        TEST(a_new_generation_takes_the_lease_along),
        TEST(clients_get_the_deadlines_by_their_clock_and_again_each_second),
        TEST(no_lease_is_longer_than_the_longest),
        TEST(closing_the_table_ends_the_lease),
        TEST(a_table_without_a_fleet_has_no_lease),
        TEST(the_layout_tells_a_fleet_and_stays),
        TEST(a_fleets_token_by_sha256_has_its_terms),
    };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
