/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>

#include "daemon/store/bulk_read.h"
#include "daemon/store/store_bans.h"
#include "daemon/store/tdb_file.h"
#include "tests/unit/support/numbered_tokens.h"

static struct ban ban_numbered(uint64_t number)
{
    struct ban ban = { .banned = 5, .until = number % 2 == 0 ? TIME_NEVER : (int64_t)number };
    struct record r = record_numbered(number);

    memcpy(ban.digest, r.digest, DIGEST_SIZE);
    ban.by = (uid_t)number;
    return ban;
}

/* Turn some tokens into bans, in the transaction that removes them. */
static void ban_tokens(struct store *s, struct journal *j, uint64_t first, uint64_t last,
                       uint64_t tokens)
{
    assert_true(store_begin(s));
    assert_int_equal(journal_begin(j), 0);
    for (uint64_t i = first; i <= last; i++) {
        struct ban ban = ban_numbered(i);
        assert_true(store_remove(s, ban.digest) && store_put_ban(s, &ban));
    }
    assert_true(note_create(j));
    journal_end(j, tokens);
    assert_true(store_put_journal(s, j));
    assert_true(store_commit(s));
}

struct walked {
    uint64_t count;
    uint64_t sum; /* of their numbers */
    uint64_t most;
};

static bool count_ban(void *context, const struct ban *ban)
{
    struct walked *w = context;

    if (w->count == w->most)
        return false;
    struct ban expected = ban_numbered(ban->by);
    assert_memory_equal(ban, &expected, sizeof(expected));
    w->count++;
    w->sum += ban->by;
    return true;
}

/* Walk in steps, and end each after so many bans. */
static struct walked walk(struct store *s, size_t records, uint64_t bans)
{
    struct walked all = { 0 };
    struct store_place place = { 0 };
    enum store_found found = STORE_FOUND;
    struct problem problem;

    while (found == STORE_FOUND) {
        struct walked w = { .most = bans };
        found = store_walk_bans(s, &place, records, count_ban, &w, &problem);
        all.count += w.count;
        all.sum += w.sum;
    }
    assert_int_equal(found, STORE_ABSENT);
    return all;
}

static void bans_take_the_place_of_tokens_and_survive_a_reopen(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct journal *j = journal_new(1000);
    struct record r = record_numbered(3);
    struct counted tokens;
    struct ban ban, expected = ban_numbered(3);

    save(s, j, 1, 50);
    ban_tokens(s, j, 1, 20, 30);
    store_close(s);
    journal_clear(j);
    s = store_open(path, STORE_WRITE, &problem);
    assert_non_null(s);
    assert_true(store_load_journal(s, j, &problem));
    assert_int_equal(journal_tokens(j), 30);
    assert_true(count_tokens(s, &tokens, &problem));
    assert_int_equal(tokens.count, 30);
    assert_int_equal(tokens.visitor.bans, 20);
    assert_int_equal(store_get(s, r.digest, &r), STORE_ABSENT);
    assert_int_equal(store_get_ban(s, expected.digest, &ban), STORE_FOUND);
    assert_memory_equal(&ban, &expected, sizeof(ban));
    expected = ban_numbered(21);
    assert_int_equal(store_get_ban(s, expected.digest, &ban), STORE_ABSENT);
    store_close(s);
    journal_free(j);
}

static void a_walk_in_steps_sees_every_ban_once(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = store_open(path, STORE_WRITE, &problem);
    struct journal *j = journal_new(1000);

    save(s, j, 1, 300);
    ban_tokens(s, j, 1, 200, 100);
    for (size_t step = 1; step < 1000; step *= 7) {
        struct walked w = walk(s, step, 1000);
        assert_int_equal(w.count, 200);
        assert_int_equal(w.sum, 200 * 201 / 2);
        w = walk(s, 1000, step);
        assert_int_equal(w.count, 200);
        assert_int_equal(w.sum, 200 * 201 / 2);
    }
    store_close(s);
    journal_free(j);
}

/* Make a store whose records share three hash chains. */
static struct store *open_with_few_chains(void)
{
    struct problem problem;
    struct tdb_context *tdb = tdb_open(path, 3, TDB_INCOMPATIBLE_HASH, O_RDWR | O_CREAT, 0600);

    assert_non_null(tdb);
    assert_int_equal(tdb_store(tdb, tdb_file_datum(slice_of(STORE_HEAD_KEY)),
                               tdb_file_datum(slice_of("v=1 created=2026-01-01T00:00:00Z")),
                               TDB_INSERT),
                     0);
    tdb_close(tdb);
    struct store *s = store_open(path, STORE_WRITE, &problem);
    assert_non_null(s);
    return s;
}

/* Remove a ban, and put another. */
static void change_bans(struct store *s, uint64_t removed, uint64_t put)
{
    struct ban gone = ban_numbered(removed), new = ban_numbered(put);

    assert_true(store_begin(s));
    assert_true(store_remove_ban(s, gone.digest) && store_put_ban(s, &new));
    assert_true(store_commit(s));
}

struct seen {
    uint64_t last; /* that was seen */
    bool step;     /* one was */
    unsigned char times[300];
};

static bool note_seen(void *context, const struct ban *ban)
{
    struct seen *seen = context;

    if (seen->step)
        return false;
    seen->step = true;
    seen->last = ban->by;
    if (ban->by < 300)
        seen->times[ban->by]++;
    return true;
}

/* After every other ban, remove it and put another, which moves those behind it in their chain. */
static void a_walk_misses_no_ban_though_others_come_and_go(void **state)
{
    (void)state;
    struct problem problem;
    struct store *s = open_with_few_chains();
    struct journal *j = journal_new(1000);
    struct store_place place = { 0 };
    enum store_found found = STORE_FOUND;
    struct seen seen = { 0 };
    uint64_t more = 1000;

    save(s, j, 1, 299);
    ban_tokens(s, j, 1, 299, 0);
    for (; found == STORE_FOUND; seen.step = false) {
        found = store_walk_bans(s, &place, 1, note_seen, &seen, &problem);
        if (seen.step && seen.last % 2 == 1 && seen.last < 300)
            change_bans(s, seen.last, more++);
    }
    assert_int_equal(found, STORE_ABSENT);
    for (unsigned i = 1; i < 300; i++)
        assert_int_equal(seen.times[i], 1);
    store_close(s);
    journal_free(j);
}

static void a_ban_that_does_not_parse_is_named(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "v=2 banned=2026-01-01T00:00:00Z by=uid:0",
        "v=1 banned=2026-01-01T00:00:00Z",
        "v=1 banned=2026-01-01T00:00:00Z by=uid:0 until=x",
        "v=1 banned=2026-01-01T00:00:00Z by=uid:0 by=uid:0",
        "v=1 banned=2026-01-01T00:00:00Z by=uid:0 forgiven=yes",
        "",
    };
    struct ban expected = ban_numbered(2), ban;
    struct problem problem;
    struct counted tokens;
    char key[BAN_KEY_SIZE];

    ban_key(expected.digest, key);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct store *s = store_open(path, STORE_WRITE, &problem);
        struct store_place place = { 0 };
        struct walked w = { .most = 9 };
        assert_true(store_begin(s));
        assert_true(tdb_file_put(store_file(s), (struct slice){ key, sizeof(key) },
                                 slice_of(lines[i]), TDB_REPLACE));
        assert_true(store_commit(s));
        assert_int_equal(store_get_ban(s, expected.digest, &ban), STORE_FAILED);
        assert_int_equal(store_walk_bans(s, &place, 9, count_ban, &w, &problem), STORE_FAILED);
        assert_non_null(strstr(problem.message, "ban/"));
        assert_false(count_tokens(s, &tokens, &problem));
        assert_non_null(strstr(problem.message, "ban/"));
        store_close(s);
    }
}

static void a_ban_is_over_a_day_after_its_end(void **state)
{
    (void)state;
    assert_false(ban_is_over(TIME_NEVER, INT64_MAX));
    assert_false(ban_is_over(1000, 1000 + BAN_MARGIN - 1));
    assert_true(ban_is_over(1000, 1000 + BAN_MARGIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(bans_take_the_place_of_tokens_and_survive_a_reopen),
        WITH_DIRECTORY(a_walk_in_steps_sees_every_ban_once),
        WITH_DIRECTORY(a_walk_misses_no_ban_though_others_come_and_go),
        WITH_DIRECTORY(a_ban_that_does_not_parse_is_named),
        cmocka_unit_test(a_ban_is_over_a_day_after_its_end),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
