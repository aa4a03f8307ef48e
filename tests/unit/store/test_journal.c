/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "daemon/store/journal.h"

enum { BLOCKS_MAX = 64 };

/* What the tests use instead of a store: the last version of every block. */
struct disk {
    char bytes[BLOCKS_MAX][JOURNAL_BLOCK];
    size_t len[BLOCKS_MAX];
    uint32_t blocks;
};

/* Commit up to so many changes to one block; return how many fitted. */
static int commit(struct journal *j, struct disk *disk, int changes, uint64_t tokens)
{
    int done = 0;

    assert_int_equal(journal_begin(j), 0);
    for (bool fits = true; done < changes && fits; done += fits) {
        struct text entry = journal_entry(j, 0, "create");
        line_puts(&entry, "id", "0123456789abcdef0123");
        fits = journal_entry_end(j, &entry);
    }
    assert_in_range(done, 1, changes);
    journal_end(j, tokens);
    uint32_t block = journal_block_number(j);
    assert_in_range(block, 0, BLOCKS_MAX - 1);
    disk->len[block] = journal_block(j).len;
    memcpy(disk->bytes[block], journal_block(j).at, disk->len[block]);
    disk->blocks = block >= disk->blocks ? block + 1 : disk->blocks;
    return done;
}

static struct journal *loaded(const struct disk *disk, uint64_t keep)
{
    struct journal *j = journal_new(keep);

    for (uint32_t i = disk->blocks; i-- > 0;)
        assert_null(journal_load(j, i, (struct slice){ disk->bytes[i], disk->len[i] }));
    assert_null(journal_loaded(j));
    return j;
}

/* Read every entry from the disk, as a watch does, and check that none is missing. */
static void check_entries(const struct journal *j, const struct disk *disk)
{
    for (uint64_t serial = journal_oldest(j); serial <= journal_newest(j);) {
        uint32_t block;
        assert_true(journal_find(j, serial, &block));
        struct slice rest = journal_entries((struct slice){ disk->bytes[block], disk->len[block] },
                                            serial),
                     entry;
        assert_true(rest.len > 0);
        while (journal_take_entry(&rest, &entry)) {
            uint64_t found;
            assert_true(journal_serial(entry, &found));
            assert_int_equal(found, serial);
            serial++;
        }
        assert_int_equal(rest.len, 0);
    }
}

/* Likewise from the newest to the oldest. */
static void check_entries_backwards(const struct journal *j, const struct disk *disk)
{
    uint64_t serial = journal_newest(j), found;
    uint32_t block;

    while (serial >= journal_oldest(j)) {
        assert_true(journal_find(j, serial, &block));
        struct slice stored = { disk->bytes[block], disk->len[block] }, entry;
        struct slice rest = journal_entries_before(stored, serial + 1);
        assert_true(rest.len > 0);
        while (journal_take_last_entry(&rest, &entry)) {
            assert_true(journal_serial(entry, &found));
            assert_int_equal(found, serial);
            serial--;
        }
        assert_int_equal(rest.len, 0);
    }
}

static void line_that_was_cut_off_is_no_last_entry(void **state)
{
    (void)state;
    struct slice rest = { "serial=1 a\nserial=2", 19 }, entry;

    assert_false(journal_take_last_entry(&rest, &entry));
    rest.len = 11;
    assert_true(journal_take_last_entry(&rest, &entry));
    assert_true(slice_is(entry, "serial=1 a"));
    assert_false(journal_take_last_entry(&rest, &entry));
}

static void entries_are_consecutive_across_blocks_and_restarts(void **state)
{
    (void)state;
    struct disk *disk = calloc(1, sizeof(*disk));
    struct journal *j = journal_new(5000);
    uint64_t total = 0;

    for (int round = 0; round < 400; round++) {
        int changes = 1 + round * 7 % 300;
        total += (uint64_t)commit(j, disk, changes, total);
        if (round % 50 == 0) {
            journal_free(j);
            j = loaded(disk, 5000);
        }
        assert_int_equal(journal_newest(j), total);
        assert_true(total - journal_oldest(j) + 1 >= (total < 5000 ? total : 5000));
    }
    check_entries(j, disk);
    check_entries_backwards(j, disk);
    journal_free(j);
    free(disk);
}

static void the_ring_stops_growing(void **state)
{
    (void)state;
    struct disk *disk = calloc(1, sizeof(*disk));
    struct journal *j = journal_new(1000);

    for (int round = 0; round < 20000; round++)
        commit(j, disk, 1, 0);
    assert_in_range(disk->blocks, 2, 6);
    check_entries(j, disk);
    journal_free(j);
    free(disk);
}

/* Otherwise a client without rights could fill the store with empty blocks. */
static void changes_that_are_refused_use_up_no_blocks(void **state)
{
    (void)state;
    struct disk *disk = calloc(1, sizeof(*disk));
    struct journal *j = journal_new(1000);

    for (int round = 0; round < 1000; round++) {
        assert_int_equal(journal_begin(j), 0);
        commit(j, disk, 1, 0);
    }
    assert_in_range(disk->blocks, 1, 4);
    check_entries(j, disk);
    journal_free(j);
    free(disk);
}

static void a_commit_is_one_block_and_knows_the_tokens(void **state)
{
    (void)state;
    struct disk *disk = calloc(1, sizeof(*disk));
    struct journal *j = journal_new(1000);

    assert_int_equal(commit(j, disk, 200, 200), 200);
    assert_int_equal(commit(j, disk, 200, 500), 200);
    journal_free(j);
    j = loaded(disk, 1000);
    assert_int_equal(journal_tokens(j), 500);
    assert_int_equal(disk->blocks, 1);
    journal_free(j);
    free(disk);
}

/* An entry that does not fit is not added, and fits into the next block. */
static void an_entry_is_whole_or_not_there(void **state)
{
    (void)state;
    static char filler[JOURNAL_ENTRY_MAX - 256];
    struct journal *j = journal_new(1000);
    struct text entry;

    memset(filler, 'x', sizeof(filler));
    assert_int_equal(journal_begin(j), 0);
    for (size_t len = 1;; len = len * 3 % sizeof(filler)) {
        struct slice before = journal_block(j);
        uint64_t next = journal_next(j);
        entry = journal_entry(j, 0, "create");
        line_put(&entry, "description", (struct slice){ filler, len });
        if (journal_entry_end(j, &entry))
            continue;
        assert_int_equal(journal_next(j), next);
        assert_int_equal(journal_block(j).len, before.len);
        break;
    }
    journal_end(j, 1);
    assert_int_equal(journal_next_block(j), 0);
    entry = journal_entry(j, 0, "create");
    line_put(&entry, "description", (struct slice){ filler, sizeof(filler) });
    assert_true(journal_entry_end(j, &entry));
    journal_free(j);
}

/* Older versions wrote such a block; further entries go into another one. */
static void a_larger_block_is_read(void **state)
{
    (void)state;
    static char bytes[JOURNAL_BLOCK_MAX + 64];
    struct disk *disk = calloc(1, sizeof(*disk));
    struct text block = text_in(bytes, JOURNAL_BLOCK_MAX);
    uint64_t serial = 0;

    text_adds(&block, "v=1 tokens=0000000007\n");
    while (block.cap - block.len > 64)
        text_addf(&block, "serial=%llu event=create\n", (unsigned long long)++serial);
    struct journal *j = journal_new(10000);
    assert_null(journal_load(j, 0, text_slice(&block)));
    assert_null(journal_loaded(j));
    assert_int_equal(journal_newest(j), serial);
    assert_int_equal(journal_tokens(j), 7);
    assert_int_equal(commit(j, disk, 1, 8), 1);
    assert_int_equal(journal_block_number(j), 1);
    assert_int_equal(journal_newest(j), serial + 1);
    journal_free(j);
    j = journal_new(10000);
    assert_non_null(journal_load(j, 0, (struct slice){ bytes, JOURNAL_BLOCK_MAX + 1 }));
    journal_free(j);
    free(disk);
}

static void damaged_blocks_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "v=2 tokens=0000000001\n",
        "v=1 tokens=000000000x\n",
        "v=1 tokens=0000000001\nserial=1 a=b\nserial=3 a=b\n",
        "v=1 tokens=0000000001\nserial=1 a=b\nserial=2",
        "v=1 tokens=0000000001\nserial=0 a=b\n",
        "v=1 tokens=0000000001\nnothing\n",
    };
    struct journal *j = journal_new(10);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_non_null(journal_load(j, 0, slice_of(bad[i])));
    assert_null(journal_load(j, 0, slice_of("v=1 tokens=0000000001\nserial=1 a=b\n")));
    assert_null(journal_load(j, 1, slice_of("v=1 tokens=0000000001\nserial=9 a=b\n")));
    assert_non_null(journal_loaded(j));
    journal_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_consecutive_across_blocks_and_restarts),
        cmocka_unit_test(the_ring_stops_growing),
        cmocka_unit_test(changes_that_are_refused_use_up_no_blocks),
        cmocka_unit_test(a_commit_is_one_block_and_knows_the_tokens),
        cmocka_unit_test(an_entry_is_whole_or_not_there),
        cmocka_unit_test(line_that_was_cut_off_is_no_last_entry),
        cmocka_unit_test(a_larger_block_is_read),
        cmocka_unit_test(damaged_blocks_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
