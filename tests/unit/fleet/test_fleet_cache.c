/* SPDX-License-Identifier: Apache-2.0 */
/* What a fleet's cache keeps, drops and refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/unit/support/crash_disk.h" /* which syncs nothing */
#include "tests/unit/support/fleet_fixture.h"

/* -- batches ---------------------------------------------------------------------------------- */

static void a_commit_is_there_after_a_restart_and_an_abort_is_not(void **state)
{
    struct fleet_cache *c = open_cache();

    (void)state;
    put(c, 1, 1);
    put(c, 2, 1);
    put(c, 1, 2);
    assert_int_equal(version_of(c, 1), 2);
    commit(c, 10);
    put(c, 1, 3);
    put(c, 3, 1);
    fleet_cache_abort(c);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(version_of(c, 1), 2);
        assert_int_equal(version_of(c, 2), 1);
        assert_int_equal(find(c, 3), STORE_ABSENT);
        assert_int_equal(fleet_cache_place(c).serial, 10);
        assert_int_equal(count_all(c), 2);
        c = reopen(c);
    }
    fleet_cache_close(c);
}

static struct fleet_entry all;

/* Give it every field. */
static void fill(void)
{
    char long_text[DESCRIPTION_MAX];

    fleet_token(&all, 1, 1);
    memset(long_text, 'd', sizeof(long_text));
    struct record *r = &all.record;
    *r = (struct record){ .serial = 7,
                          .created = 1,
                          .activates = 2,
                          .expires = 3,
                          .revoked = 4,
                          .disabled = 5,
                          .own_end = 6,
                          .rotated = 7,
                          .rotated_end = TIME_NEVER,
                          .by = 8,
                          .has_owner = true,
                          .owner = 9,
                          .digest_alg = DIGEST_ALG_SHA256,
                          .has_replaces = true,
                          .has_replaced_by = true,
                          .has_revoked_by = true,
                          .has_disabled_by = true,
                          .revoked_by = UINT32_MAX,
                          .disabled_by = 11,
                          .has_signed = true };
    memset(r->signed_part, 1, sizeof(r->signed_part));
    fleet_digest(1, r->digest);
    memset(r->replaces, 2, ID_SIZE);
    memset(r->replaced_by, 3, ID_SIZE);
    record_set_subject(r, slice_of("s\xc3\xa9"));
    record_set_scopes(r, slice_of("b,a"));
    record_set_description(r, (struct slice){ long_text, sizeof(long_text) });
    record_set_group(r, slice_of("g"));
    record_set_origin(r, slice_of("h"));
    all.deleted = true;
}

static void every_field_of_an_entry_is_kept(void **state)
{
    struct fleet_cache *c = open_cache();
    struct record *r = &all.record;

    (void)state;
    fill();
    assert_int_equal(fleet_cache_put(c, &all), 0);
    commit(c, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(find(c, 1), STORE_FOUND);
        assert_memory_equal(&entry.record, r, offsetof(struct record, texts));
        assert_memory_equal(entry.record.texts, r->texts, record_texts_len(r));
        assert_true(entry.deleted);
        assert_true(fleet_compact_now(c));
    }
    record_set_group(r, slice_of(""));
    assert_int_equal(fleet_cache_put(c, &all), -EINVAL);
    fleet_cache_close(c);
}

static void a_batch_larger_than_the_log_allows_is_saved_in_pieces(void **state)
{
    struct fleet_cache *c = open_cache();

    (void)state;
    for (uint64_t i = 0; i < 3000; i++)
        put(c, i, 1);
    commit(c, 5);
    c = reopen(c);
    assert_int_equal(count_all(c), 3000);
    assert_int_equal(fleet_cache_place(c).serial, 5);
    fleet_cache_close(c);
}

/* -- denials ---------------------------------------------------------------------------------- */

static void a_denial_outlives_every_put(void **state)
{
    static struct fleet_entry had, comes;

    (void)state;
    fleet_token(&had, 1, 1);
    had.record.revoked = 50;
    record_set_revoked_by(&had.record, 7);
    fleet_token(&comes, 1, 2);
    assert_true(fleet_entry_merge(&comes, &had));
    assert_int_equal(comes.record.revoked, 50);
    assert_int_equal(comes.record.revoked_by, 7);
    comes.record.revoked = 40;
    assert_true(fleet_entry_merge(&comes, &had));
    assert_int_equal(comes.record.revoked, 40);
    had.record.revoked = 0;
    had.record.disabled = 60;
    fleet_token(&comes, 1, 3);
    assert_true(fleet_entry_merge(&comes, &had));
    assert_int_equal(comes.record.disabled, 60);
    fleet_token(&comes, 1, 3);
    comes.enables = true;
    assert_true(fleet_entry_merge(&comes, &had));
    assert_int_equal(comes.record.disabled, 0);
    had.deleted = true;
    assert_true(fleet_entry_merge(&comes, &had));
    assert_true(comes.deleted);
    fleet_token(&comes, 1, 3);
    assert_true(fleet_entry_merge_snapshot(&comes, &had));
    assert_false(comes.deleted);
    assert_int_equal(comes.record.disabled, 60);
    comes.record.digest[DIGEST_SIZE - 1] ^= 1;
    assert_false(fleet_entry_merge(&comes, &had));
    assert_false(fleet_entry_merge_snapshot(&comes, &had));
}

static void a_compaction_drops_tombstones_only_of_what_is_over(void **state)
{
    struct fleet_cache *c = open_cache();
    const int64_t ends[] = { 1000, 4000000000, 1000, 1000 };

    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        fleet_token(&entry, i, 1);
        entry.record.expires = ends[i];
        entry.record.revoked = i == 2 ? 500 : 0;
        entry.deleted = i < 3;
        assert_int_equal(fleet_cache_put(c, &entry), 0);
    }
    commit(c, 1);
    assert_int_equal(count_all(c), 4);
    assert_true(fleet_compact_now(c));
    assert_int_equal(find(c, 0), STORE_ABSENT);
    assert_int_equal(find(c, 1), STORE_FOUND);
    assert_int_equal(find(c, 2), STORE_FOUND);
    assert_int_equal(find(c, 3), STORE_FOUND);
    assert_int_equal(count_all(c), 3);
    fleet_cache_close(c);
}

static void unsent_denials_are_kept_until_they_are_sent(void **state)
{
    struct fleet_cache *c = open_cache();
    struct fleet_unsent denial = { .event = FLEET_DISABLE, .by = 1000, .time = 77 }, got;
    uint64_t after = 0;

    (void)state;
    for (uint64_t i = 1; i <= 5; i++) {
        fleet_digest(i, denial.digest);
        denial.event = i % 2 == 0 ? FLEET_END : FLEET_DISABLE;
        assert_int_equal(fleet_cache_unsent_add(c, &denial), 0);
        assert_int_equal(denial.number, i);
    }
    assert_int_equal(fleet_cache_unsent_count(c), 0);
    commit(c, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(fleet_cache_unsent_count(c), 5 - i);
        after = 0;
        assert_true(fleet_cache_unsent_next(c, &after, &got));
        assert_int_equal(got.number, i + 1);
        assert_int_equal(got.event, i % 2 != 0 ? FLEET_END : FLEET_DISABLE);
        assert_int_equal(got.by, 1000);
        assert_int_equal(got.time, 77);
        fleet_digest((uint64_t)i + 1, denial.digest);
        assert_memory_equal(got.digest, denial.digest, DIGEST_SIZE);
        assert_int_equal(fleet_cache_unsent_remove(c, got.number), 0);
        commit(c, 0);
        assert_int_equal(fleet_cache_unsent_remove(c, got.number), -ENOENT);
        if (i % 2 == 0)
            assert_true(fleet_compact_now(c));
        c = reopen(c);
    }
    assert_int_equal(fleet_cache_unsent_remove(c, 5), 0);
    commit(c, 0);
    assert_true(fleet_compact_now(c));
    c = reopen(c);
    assert_int_equal(fleet_cache_unsent_add(c, &denial), 0);
    assert_int_equal(denial.number, 6);
    fleet_cache_close(c);
}

/* -- places ----------------------------------------------------------------------------------- */

static void a_host_keeps_its_last_places_and_goes_back_durably(void **state)
{
    struct fleet_cache *c = open_cache();
    static struct fleet_place list[8];
    struct fleet_place place;

    (void)state;
    for (uint64_t i = 1; i <= FLEET_PLACES_MAX + 50; i++) {
        place = fleet_place_of(i * 3);
        fleet_places_push(&c->places, &place);
    }
    put(c, 1, 1);
    commit(c, 400000);
    assert_true(fleet_compact_now(c));
    c = reopen(c);
    assert_int_equal(c->places.count, FLEET_PLACES_MAX);
    assert_int_equal(fleet_places_at(&c->places, 0)->serial, 52 * 3);
    assert_int_equal(fleet_cache_places(c, 0, list, 2), 2);
    assert_int_equal(list[0].serial, 400000);
    assert_int_equal(list[1].serial, 300150);
    assert_int_equal(fleet_cache_places(c, 600, list, 8), 8);
    assert_int_equal(list[0].serial, 597);
    assert_int_equal(fleet_cache_places(c, 160, list, 8), 2);
    place = fleet_place_of(599);
    assert_int_equal(fleet_cache_rewind(c, &place), -ENOENT);
    place = fleet_place_of(597);
    place.nonce[3] ^= 1;
    assert_int_equal(fleet_cache_rewind(c, &place), -ENOENT);
    place = fleet_place_of(597);
    assert_int_equal(fleet_cache_rewind(c, &place), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fleet_cache_place(c).serial, 597);
        assert_int_equal(fleet_cache_places(c, 0, list, 8), 8);
        assert_int_equal(version_of(c, 1), 1);
        c = reopen(c);
    }
    fleet_cache_close(c);
}

/* -- compaction ------------------------------------------------------------------------------- */

/* The log is far too small for all of it, so it is compacted again and again, while batches go on. */
static void batches_go_on_while_the_log_is_compacted(void **state)
{
    struct fleet_cache *c = open_cache();
    unsigned compacted = 0;

    (void)state;
    for (unsigned i = 0; i < 1500; i++) {
        const uint64_t next = c->snapshot->head.next;
        for (unsigned n = 0; n < 3; n++)
            put(c, (i * 3 + n) % 700, i);
        commit(c, i + 1);
        assert_true(fleet_cache_step(c));
        compacted += c->snapshot->head.next != next;
        assert_int_equal(version_of(c, i * 3 % 700), i);
    }
    assert_true(compacted > 20);
    c = reopen(c);
    assert_int_equal(count_all(c), 700);
    for (unsigned i = 1500 - 700 / 3; i < 1500; i++)
        for (unsigned n = 0; n < 3; n++)
            assert_int_equal(version_of(c, (i * 3 + n) % 700), i);
    fleet_cache_close(c);
}

/* -- what is refused -------------------------------------------------------------------------- */

static void refused(const char *why)
{
    assert_null(fleet_cache_open_shape(path, &small, &problem));
    assert_non_null(strstr(problem.message, why));
    assert_non_null(strstr(problem.message, "not sent yet are lost"));
}

static void what_is_missing_or_of_another_cache_is_refused(void **state)
{
    struct fleet_cache *c = open_cache();
    char name[2][128], other[128], log_name[128];
    struct stat st;

    (void)state;
    put(c, 1, 1);
    commit(c, 1);
    assert_null(fleet_cache_open_shape(path, &small, &problem));
    assert_int_equal(problem.status, STATUS_BUSY);
    fleet_cache_close(c);
    snprintf(name[0], sizeof(name[0]), "%s.fleet", path);
    snprintf(log_name, sizeof(log_name), "%s.fleet.wal", path);
    snprintf(other, sizeof(other), "%s/other", directory);
    assert_int_equal(stat(name[0], &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(log_name, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(rename(name[0], other), 0);
    refused("missing");
    assert_int_equal(symlink(other, name[0]), 0);
    refused(strerror(ELOOP));
    unlink(name[0]);
    assert_int_equal(rename(other, name[0]), 0);
    assert_int_equal(rename(log_name, other), 0);
    refused("lost its log");
    unlink(name[0]);
    fleet_cache_close(open_cache());
    assert_int_equal(rename(other, log_name), 0);
    refused("another cache");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_commit_is_there_after_a_restart_and_an_abort_is_not),
        TEST(every_field_of_an_entry_is_kept),
        TEST(a_batch_larger_than_the_log_allows_is_saved_in_pieces),
        TEST(a_denial_outlives_every_put),
        TEST(a_compaction_drops_tombstones_only_of_what_is_over),
        TEST(unsent_denials_are_kept_until_they_are_sent),
        TEST(a_host_keeps_its_last_places_and_goes_back_durably),
        TEST(batches_go_on_while_the_log_is_compacted),
        TEST(what_is_missing_or_of_another_cache_is_refused),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
