/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: blocks as a damaged store may hold them are loaded, and what was loaded goes on.
 *
 *     input = { block's length (2 bytes), the block }, then commits: a byte says how many
 *             entries */
#include "tests/fuzz/fuzz.h"

#include "daemon/journal.h"

enum { BLOCKS_MAX = 8, COMMITS_MAX = 32, LOOKS = 50, KEEP = 100 };

static struct slice blocks[BLOCKS_MAX + COMMITS_MAX];
static char *made[BLOCKS_MAX + COMMITS_MAX];    /* of those, what is to be freed */

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

/* An entry that the journal says it has is where it says; LOOKS of them, and the newest. */
static void check_entries(const struct journal *j)
{
    uint64_t oldest = journal_oldest(j), newest = journal_newest(j), serial;
    uint64_t step = (newest - oldest) / LOOKS + 1;
    uint32_t block;

    MUST(oldest <= newest || oldest == 0);
    for (uint64_t n = newest; oldest > 0 && n >= oldest; n -= step < n ? step : n) {
        MUST(journal_find(j, n, &block) && block < BLOCKS_MAX + COMMITS_MAX);
        struct slice rest = journal_entries(blocks[block], n);
        MUST(rest.len > 0 && lies_in(rest, blocks[block]));
        MUST(journal_serial(rest, &serial) && serial == n);
    }
    MUST(!journal_find(j, newest + 1, &block));
}

static void keep_block(const struct journal *j)
{
    uint32_t n = journal_block_number(j);

    MUST(n < BLOCKS_MAX + COMMITS_MAX);
    free(made[n]);
    made[n] = fuzz_copy(journal_block(j));
    blocks[n] = (struct slice){ made[n], journal_block(j).len };
}

/* One commit of up to `count` entries whose lengths differ. */
static void commit(struct journal *j, unsigned count)
{
    static char filler[JOURNAL_ENTRY_MAX / 2];
    uint64_t before = journal_newest(j), tokens = journal_tokens(j);
    unsigned added = 0;

    memset(filler, 'x', sizeof(filler));
    MUST(journal_begin(j) == 0 && journal_fits(j));
    for (; added < count && journal_fits(j); added++) {
        struct text entry = journal_entry(j, 1000 + added, "create");
        line_put(&entry, "description", (struct slice){ filler, count * 37 % sizeof(filler) });
        MUST(!entry.cut);
        journal_entry_end(j, &entry);
    }
    journal_end(j, tokens + added);
    MUST(journal_newest(j) == before + added);
    keep_block(j);
}

/* What another process finds is what this one has. */
static void check_reload(const struct journal *j, unsigned count)
{
    struct journal *again = journal_new(KEEP);

    MUST(again != NULL);
    for (unsigned i = 0; i < count; i++)
        MUST(journal_load(again, i, blocks[i]) == NULL);
    MUST(journal_loaded(again) == NULL);
    MUST(journal_newest(again) == journal_newest(j) && journal_oldest(again) == journal_oldest(j));
    MUST(journal_tokens(again) == journal_tokens(j));
    journal_free(again);
}

static unsigned take_blocks(struct feed *feed, struct journal *j, const char **fault)
{
    unsigned count = 0;

    *fault = NULL;
    for (unsigned len; count < BLOCKS_MAX && (len = feed_short(feed)) > 0 && *fault == NULL;
         count++) {
        blocks[count] = feed_bytes(feed, len);
        made[count] = fuzz_copy(blocks[count]);
        blocks[count].at = made[count];
        *fault = journal_load(j, count, blocks[count]);
    }
    if (*fault == NULL)
        *fault = journal_loaded(j);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct feed feed = { input, len };
    struct journal *j = journal_new(KEEP);
    const char *fault;

    MUST(j != NULL);
    unsigned count = take_blocks(&feed, j, &fault);
    if (fault == NULL) {
        check_entries(j);
        bool goes_on = journal_newest(j) < INT64_MAX / 2;
        for (unsigned commits = 0; goes_on && commits < COMMITS_MAX && feed.left > 0; commits++) {
            commit(j, 1 + feed_byte(&feed) % 128);
            if (journal_block_number(j) >= count)
                count = journal_block_number(j) + 1;
        }
        check_entries(j);
        if (goes_on)
            check_reload(j, count);
    }
    for (unsigned i = 0; i < BLOCKS_MAX + COMMITS_MAX; i++) {
        free(made[i]);
        made[i] = NULL;
    }
    journal_free(j);
    return 0;
}
