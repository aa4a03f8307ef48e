/* SPDX-License-Identifier: Apache-2.0 */
/* Load journal blocks from a damaged store, and continue with what was loaded.
 *
 *     input = { length of a block (2 bytes), the block }, then commits: a byte each for the number
 *             of entries */
#include "tests/fuzz/fuzz.h"

#include "daemon/store/journal.h"

enum { BLOCKS_MAX = 8, COMMITS_MAX = 32, CHECKED_MAX = 50, ENTRIES_MAX = 100 };
enum { STORED_MAX = BLOCKS_MAX + 2 * COMMITS_MAX }; /* a commit begins two blocks at most */

static struct slice blocks[STORED_MAX];
static char *copies[STORED_MAX]; /* memory of the blocks */
static unsigned block_count;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static bool lies_in(struct slice a, struct slice b)
{
    return a.at >= b.at && a.at + a.len <= b.at + b.len;
}

/* Check that entries are where the journal has them: CHECKED_MAX of them, and the newest. */
static void check_entries(const struct journal *j)
{
    uint64_t oldest = journal_oldest(j), newest = journal_newest(j), serial;
    uint64_t step = (newest - oldest) / CHECKED_MAX + 1;
    uint32_t block;

    MUST(oldest <= newest || oldest == 0);
    for (uint64_t n = newest; oldest > 0 && n >= oldest; n -= step < n ? step : n) {
        MUST(journal_find(j, n, &block) && block < STORED_MAX);
        struct slice rest = journal_entries(blocks[block], n);
        MUST(rest.len > 0 && lies_in(rest, blocks[block]));
        MUST(journal_serial(rest, &serial) && serial == n);
    }
    MUST(!journal_find(j, newest + 1, &block));
}

/* Count each block that is stored: a commit may begin one and then go back to an older one. */
static void save_block(const struct journal *j)
{
    uint32_t n = journal_block_number(j);

    MUST(n < STORED_MAX);
    if (n >= block_count)
        block_count = n + 1;
    free(copies[n]);
    copies[n] = fuzz_copy(journal_block(j));
    blocks[n] = (struct slice){ copies[n], journal_block(j).len };
}

/* Add an entry of that length.  False: it does not fit, and nothing has changed. */
static bool add_entry(struct journal *j, size_t length)
{
    static char filler[JOURNAL_ENTRY_MAX / 2];
    uint64_t newest = journal_newest(j);
    struct slice before = journal_block(j);
    struct text entry = journal_entry(j, 1000, "create");

    memset(filler, 'x', sizeof(filler));
    line_put(&entry, "description", (struct slice){ filler, length % sizeof(filler) });
    bool added = journal_entry_end(j, &entry);
    MUST(journal_newest(j) == newest + added);
    MUST(added ? journal_block(j).len > before.len : slice_equal(journal_block(j), before));
    return added;
}

static void end(struct journal *j, uint64_t tokens)
{
    journal_end(j, tokens);
    save_block(j);
}

/* Commit up to `count` entries, the last of which may start a new block. */
static void commit(struct journal *j, unsigned count)
{
    uint64_t tokens = journal_tokens(j);
    bool next_block = false;

    MUST(journal_begin(j) == 0);
    for (unsigned i = 0; i < count && !next_block; i++) {
        next_block = !add_entry(j, count * 37);
        if (!next_block)
            continue;
        end(j, tokens + i);
        MUST(journal_next_block(j) == 0 && add_entry(j, count * 37));
    }
    end(j, tokens + count);
}

/* Check that a journal loaded from the same blocks is the same. */
static void check_reload(const struct journal *j)
{
    struct journal *again = journal_new(ENTRIES_MAX);

    MUST(again != NULL);
    for (unsigned i = 0; i < block_count; i++)
        MUST(journal_load(again, i, blocks[i]) == NULL);
    MUST(journal_loaded(again) == NULL);
    MUST(journal_newest(again) == journal_newest(j) && journal_oldest(again) == journal_oldest(j));
    MUST(journal_tokens(again) == journal_tokens(j));
    journal_free(again);
}

/* Load blocks until one is wrong; return what is wrong with it, or with all of them. */
static const char *load_blocks(struct fuzz_input *in, struct journal *j)
{
    const char *fault = NULL;

    block_count = 0;
    for (unsigned len; block_count < BLOCKS_MAX && (len = consume_u16(in)) > 0 && fault == NULL;
         block_count++) {
        blocks[block_count] = consume_bytes(in, len);
        copies[block_count] = fuzz_copy(blocks[block_count]);
        blocks[block_count].at = copies[block_count];
        fault = journal_load(j, block_count, blocks[block_count]);
    }
    return fault != NULL ? fault : journal_loaded(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct fuzz_input in = { input, len };
    struct journal *j = journal_new(ENTRIES_MAX);

    MUST(j != NULL);
    if (load_blocks(&in, j) == NULL) {
        check_entries(j);
        bool has_space = journal_newest(j) < INT64_MAX / 2;
        for (unsigned commits = 0; has_space && commits < COMMITS_MAX && in.left > 0; commits++)
            commit(j, 1 + consume_byte(&in) % 128);
        check_entries(j);
        if (has_space)
            check_reload(j);
    }
    for (unsigned i = 0; i < STORED_MAX; i++) {
        free(copies[i]);
        copies[i] = NULL;
    }
    journal_free(j);
    return 0;
}
