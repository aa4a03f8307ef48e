/* SPDX-License-Identifier: Apache-2.0 */
/* pytest: campaign */
/* The files of a fleet's cache when bytes of them are changed or missing: nothing wrong is ever read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/unit/support/crash_disk.h" /* which syncs nothing */
#include "tests/unit/support/fleet_fixture.h"

enum { TOKENS = 180, FILE_MAX = 1024 * 1024 };

static char snapshot_name[96], log_name[96];
static char whole[FILE_MAX];
static size_t whole_len;
/* What the last batch was about, which may be cut off. */
static uint64_t last_place, before_last;

static void read_file(const char *name)
{
    FILE *f = fopen(name, "r");

    assert_non_null(f);
    whole_len = fread(whole, 1, sizeof(whole), f);
    assert_true(whole_len > 0 && whole_len < sizeof(whole));
    fclose(f);
}

static void write_file(const char *name, const char *bytes, size_t len)
{
    int fd = open(name, O_WRONLY | O_TRUNC | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(syscall(SYS_pwrite64, fd, bytes, len, 0), len);
    close(fd);
}

static void patch(const char *name, size_t at, const char *bytes, size_t len)
{
    int fd = open(name, O_WRONLY | O_CLOEXEC);

    assert_int_equal(syscall(SYS_pwrite64, fd, bytes, len, at), len);
    close(fd);
}

/* Snapshot and log have some tokens each, in two versions. */
static int make(void **state)
{
    if (make_directory(state) != 0)
        return -1;
    struct fleet_cache *c = open_cache();
    snprintf(snapshot_name, sizeof(snapshot_name), "%s.fleet", path);
    snprintf(log_name, sizeof(log_name), "%s.fleet.wal", path);
    for (uint64_t i = 0; i < TOKENS; i++)
        put(c, i, 1);
    deny(c, 3);
    commit(c, 10);
    assert_true(fleet_compact_now(c));
    put(c, 1, 2);
    commit(c, 20);
    deny(c, 2);
    put(c, TOKENS, 2);
    commit(c, 30);
    fleet_cache_close(c);
    last_place = 30;
    before_last = 20;
    return 0;
}

struct checking {
    struct fleet_visitor visitor;
    size_t count;
    bool wrong;
};

static bool check_one(struct fleet_visitor *visitor, const struct fleet_entry *e)
{
    struct checking *n = (struct checking *)visitor;
    unsigned long long number = 0;
    unsigned version = 0;
    char subject[64] = "";

    memcpy(subject, record_subject(&e->record).at,
           record_subject(&e->record).len % sizeof(subject));
    bool read = sscanf(subject, "user%llu.%u", &number, &version) == 2;
    n->wrong = n->wrong || !read || fleet_version(e, number) != (int)version ||
               (e->record.revoked != 0) !=
                   (number == 3 || (number == 2 && e->record.revoked == 90));
    n->count++;
    return true;
}

/* Open what is there.  It is right, as far as the place says, or refused, or each entry that is read is. */
static bool open_damaged(size_t at)
{
    struct fleet_cache *c = fleet_cache_open_shape(path, &small, &problem);
    struct checking n = { .visitor.visit = check_one };

    if (c == NULL) {
        assert_non_null(strstr(problem.message, "not sent yet are lost"));
        return false;
    }
    uint64_t place = fleet_cache_place(c).serial;
    bool all = fleet_cache_each(c, &n.visitor, &problem);
    if (n.wrong || (place != last_place && place != before_last))
        fail_msg("byte %zu: place %llu, wrong %d", at, (unsigned long long)place, n.wrong);
    if (all && n.count != (place == last_place ? TOKENS + 1 : TOKENS))
        fail_msg("byte %zu: %zu entries at place %llu", at, n.count, (unsigned long long)place);
    for (uint64_t i = 0; i < 4; i++) {
        enum store_found found = find(c, i);
        if (found == STORE_ABSENT || (found == STORE_FOUND && fleet_version(&entry, i) < 0))
            fail_msg("byte %zu: token %llu, found %d", at, (unsigned long long)i, found);
        if (found == STORE_FOUND && i >= 2 && place == last_place)
            assert_int_equal(entry.record.revoked, 90);
    }
    fleet_cache_close(c);
    return all;
}

/* Of all bytes try each in `make torture`, and in `make test` one in five, of which each bit has its turn. */
static size_t stride(void)
{
    return getenv("TORTURE_SECONDS") != NULL ? 1 : 5;
}

/* -- the snapshot ----------------------------------------------------------------------------- */

static void a_changed_byte_of_a_snapshot_is_noticed(void **state)
{
    (void)state;
    read_file(snapshot_name);
    assert_true(open_damaged(0));
    for (size_t at = 0; at < whole_len; at += stride()) {
        char changed = (char)(whole[at] ^ 1 << at % 8);
        patch(snapshot_name, at, &changed, 1);
        if (open_damaged(at))
            fail_msg("byte %zu of %zu", at, whole_len);
        patch(snapshot_name, at, &whole[at], 1);
    }
    assert_true(open_damaged(0));
}

static void a_snapshot_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    read_file(snapshot_name);
    for (size_t len = 0; len < whole_len; len += len < 200 || len + 200 > whole_len ? 1 : 64) {
        write_file(snapshot_name, whole, len);
        if (open_damaged(len))
            fail_msg("%zu of %zu bytes", len, whole_len);
    }
    memset(whole + whole_len, 0, FLEET_BLOCK);
    write_file(snapshot_name, whole, whole_len + FLEET_BLOCK);
    assert_false(open_damaged(whole_len));
}

/* Blocks that are valid by themselves, in another place or of another file. */
static void a_block_in_another_place_is_refused(void **state)
{
    char name[96], own[96];

    (void)state;
    read_file(snapshot_name);
    assert_true(whole_len >= 4 * FLEET_BLOCK);
    patch(snapshot_name, FLEET_BLOCK, whole + (size_t)2 * FLEET_BLOCK, FLEET_BLOCK);
    assert_false(open_damaged(1));
    write_file(snapshot_name, whole, whole_len);
    snprintf(name, sizeof(name), "%s/other.tdb", directory);
    snprintf(own, sizeof(own), "%s", path);
    strcpy(path, name);
    struct fleet_cache *c = open_cache();
    for (uint64_t i = 0; i < TOKENS; i++)
        put(c, i, 1);
    commit(c, 10);
    assert_true(fleet_compact_now(c));
    fleet_cache_close(c);
    strcat(name, ".fleet");
    strcpy(path, own);
    read_file(name);
    patch(snapshot_name, FLEET_BLOCK, whole + FLEET_BLOCK, FLEET_BLOCK);
    assert_false(open_damaged(2));
}

/* -- the log ---------------------------------------------------------------------------------- */

/* Return where the last batch begins and ends. */
static size_t end_of_log(size_t *begin)
{
    struct fleet_cache *c = open_cache();
    size_t body = (size_t)wal_body_offset(c->wal);

    fleet_cache_close(c);
    *begin = body / WAL_BLOCK * WAL_BLOCK;
    return *begin + WAL_BLOCK;
}

static void a_log_that_is_torn_at_any_byte_loses_the_last_batch_alone(void **state)
{
    static char torn[WAL_BLOCK];
    size_t begin, end = end_of_log(&begin), cut = 0;

    (void)state;
    read_file(log_name);
    for (size_t at = begin; at <= end; at += stride()) {
        memset(torn, 0, sizeof(torn));
        memcpy(torn, whole + begin, at - begin);
        patch(log_name, 0, whole, whole_len);
        patch(log_name, begin, torn, sizeof(torn));
        if (!open_damaged(at))
            fail_msg("torn at byte %zu: %s", at, problem.message);
        struct fleet_cache *c = open_cache();
        cut += fleet_cache_place(c).serial == before_last;
        fleet_cache_close(c);
    }
    assert_true(cut > 100 / stride() && cut < (end - begin) / stride());
}

static void a_changed_byte_of_a_log_is_noticed_or_cuts_the_last_batch(void **state)
{
    size_t begin, end = end_of_log(&begin), refused = 0;

    (void)state;
    read_file(log_name);
    for (size_t at = 0; at < end; at += stride()) {
        char changed = (char)(whole[at] ^ 1 << at % 8);
        if (whole[at] == 0 && at % 3 != 0)
            continue; /* mostly what fills up blocks */
        patch(log_name, at, &changed, 1);
        refused += !open_damaged(at);
        patch(log_name, 0, whole, whole_len);
    }
    assert_true(refused > 300 / stride());
    assert_true(open_damaged(0));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_changed_byte_of_a_snapshot_is_noticed),
        TEST(a_snapshot_that_is_not_whole_is_refused),
        TEST(a_block_in_another_place_is_refused),
        TEST(a_log_that_is_torn_at_any_byte_loses_the_last_batch_alone),
        TEST(a_changed_byte_of_a_log_is_noticed_or_cuts_the_last_batch),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
