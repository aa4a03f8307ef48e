/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/stamp.h"

#define SERIAL_MAX ((uint64_t)INT64_MAX) /* out of reach, and far from an overflow */

enum {
    HEAD_SIZE = sizeof("v=1 tokens=0000000000\n") - 1,
    ENTRY_MIN = 96, /* bytes: hardly an entry is shorter */
};

_Static_assert(HEAD_SIZE + JOURNAL_ENTRY_MAX <= JOURNAL_BLOCK,
               "an empty block must hold any entry");

/* The serials of a block: first .. first + count - 1. */
struct extent {
    uint64_t first;
    uint64_t count;
};

struct journal {
    uint64_t keep;
    uint64_t next;
    uint64_t tokens;
    struct extent *extent; /* by block number */
    uint32_t blocks;
    uint32_t capacity;
    uint32_t current;
    size_t taken;      /* bytes of the block whose entries are old, or were taken */
    struct text block; /* the current block's bytes, in `bytes` */
    char bytes[JOURNAL_BLOCK_MAX];
};

struct journal *journal_new(uint64_t keep)
{
    struct journal *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return NULL;
    j->keep = keep;
    journal_clear(j);
    return j;
}

void journal_free(struct journal *j)
{
    if (j == NULL)
        return;
    free(j->extent);
    free(j);
}

void journal_set_keep(struct journal *j, uint64_t keep)
{
    j->keep = keep;
}

static void block_reset(struct journal *j)
{
    j->block = text_in(j->bytes, JOURNAL_BLOCK);
    j->block.len = j->taken = HEAD_SIZE;
}

void journal_clear(struct journal *j)
{
    j->blocks = 0;
    j->next = 1;
    j->tokens = 0;
    block_reset(j);
}

static int block_add(struct journal *j, uint32_t block)
{
    if (block >= j->capacity) {
        uint32_t capacity = 2 * block + 16;
        struct extent *extent = reallocarray(j->extent, capacity, sizeof(*extent));
        if (extent == NULL)
            return -ENOMEM;
        j->extent = extent;
        j->capacity = capacity;
    }
    for (; j->blocks <= block; j->blocks++)
        j->extent[j->blocks] = (struct extent){ 0, 0 };
    return 0;
}

static bool parse_head(struct slice stored, uint64_t *tokens)
{
    static const char head[] = "v=1 tokens=";

    return stored.len >= HEAD_SIZE && slice_begins(stored, head) &&
           stored.at[HEAD_SIZE - 1] == '\n' &&
           number_parse((struct slice){ stored.at + sizeof(head) - 1, HEAD_SIZE - sizeof(head) },
                        UINT64_MAX, tokens);
}

bool journal_serial(struct slice entry, uint64_t *serial)
{
    static const char head[] = "serial=";
    const char *end = memchr(entry.at, ' ', entry.len);

    return end != NULL && slice_begins(entry, head) &&
           number_parse((struct slice){ entry.at + sizeof(head) - 1,
                                        (size_t)(end - entry.at) - (sizeof(head) - 1) },
                        SERIAL_MAX, serial);
}

bool journal_take_entry(struct slice *rest, struct slice *entry)
{
    const char *lf = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;

    if (lf == NULL)
        return false;
    *entry = (struct slice){ rest->at, (size_t)(lf - rest->at) };
    *rest = (struct slice){ lf + 1, rest->len - entry->len - 1 };
    return true;
}

bool journal_take_last_entry(struct slice *rest, struct slice *entry)
{
    if (rest->len == 0 || rest->at[rest->len - 1] != '\n')
        return false;
    const char *lf = memrchr(rest->at, '\n', rest->len - 1);
    size_t begin = lf != NULL ? (size_t)(lf - rest->at) + 1 : 0;
    *entry = (struct slice){ rest->at + begin, rest->len - begin - 1 };
    rest->len = begin;
    return true;
}

const char *journal_load(struct journal *j, uint32_t block, struct slice stored)
{
    struct slice rest, entry;
    uint64_t tokens, serial, first = 0, count = 0;

    if (stored.len > JOURNAL_BLOCK_MAX || !parse_head(stored, &tokens))
        return "its first line is not a journal block's of this version";
    rest = (struct slice){ stored.at + HEAD_SIZE, stored.len - HEAD_SIZE };
    for (; journal_take_entry(&rest, &entry); count++) {
        if (!journal_serial(entry, &serial) || serial == 0 ||
            (count > 0 && serial != first + count))
            return "its serials are not consecutive, from 1 on";
        if (count == 0)
            first = serial;
    }
    if (rest.len > 0)
        return "its last line is cut off";
    if (block_add(j, block) < 0)
        return "no memory";
    j->extent[block] = (struct extent){ first, count };
    if (count > 0 && first + count > j->next) {
        j->next = first + count;
        j->tokens = tokens;
        j->current = block;
        memcpy(j->bytes, stored.at, stored.len);
        j->block.len = j->taken = stored.len;
    }
    return NULL;
}

const char *journal_loaded(struct journal *j)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < j->blocks; i++)
        count += j->extent[i].count;
    return count == 0 || count == j->next - journal_oldest(j) ? NULL :
                                                                "a block of the journal is missing";
}

uint64_t journal_tokens(const struct journal *j)
{
    return j->tokens;
}

/* Find an empty block, or else the one with the oldest entries, but not the current one.  Return
 * `blocks` if there is none. */
static uint32_t oldest_block(const struct journal *j)
{
    uint32_t oldest = j->blocks;

    for (uint32_t i = 0; i < j->blocks; i++) {
        if (i == j->current)
            continue;
        if (j->extent[i].count == 0)
            return i;
        if (oldest == j->blocks || j->extent[i].first < j->extent[oldest].first)
            oldest = i;
    }
    return oldest;
}

int journal_next_block(struct journal *j)
{
    uint32_t block = oldest_block(j);

    if (block < j->blocks && j->extent[block].count > 0 &&
        j->next - (j->extent[block].first + j->extent[block].count) < j->keep)
        block = j->blocks;
    if (block_add(j, block) < 0)
        return -ENOMEM;
    j->current = block;
    j->extent[block] = (struct extent){ 0, 0 };
    block_reset(j);
    return 0;
}

int journal_begin(struct journal *j)
{
    bool fits = j->blocks > 0 && j->block.len + ENTRY_MIN <= JOURNAL_BLOCK;

    j->taken = j->block.len;
    return fits ? 0 : journal_next_block(j);
}

uint64_t journal_next(const struct journal *j)
{
    return j->next;
}

struct text journal_entry(struct journal *j, int64_t time, const char *event)
{
    struct text entry = text_in(j->bytes + j->block.len, JOURNAL_BLOCK - j->block.len);

    text_adds(&entry, "serial=");
    text_add_u64(&entry, j->next);
    line_put_time(&entry, "time", time);
    line_puts(&entry, "event", event);
    return entry;
}

bool journal_entry_end(struct journal *j, struct text *entry)
{
    struct extent *extent = &j->extent[j->current];

    text_addc(entry, '\n');
    if (entry->cut)
        return false;
    j->block.len += entry->len;
    if (extent->count++ == 0)
        extent->first = j->next;
    j->next++;
    return true;
}

bool journal_add_line(struct journal *j, struct slice line)
{
    size_t space = j->block.len < JOURNAL_BLOCK ? JOURNAL_BLOCK - j->block.len : 0;
    struct text entry = text_in(j->bytes + j->block.len, space);

    text_add(&entry, line.at, line.len);
    return journal_entry_end(j, &entry);
}

struct slice journal_take_new(struct journal *j)
{
    struct slice new = { j->bytes + j->taken, j->block.len - j->taken };

    j->taken = j->block.len;
    return new;
}

void journal_end(struct journal *j, uint64_t tokens)
{
    char head[HEAD_SIZE + 16];

    snprintf(head, sizeof(head), "v=1 tokens=%010llu\n", (unsigned long long)tokens);
    memcpy(j->bytes, head, HEAD_SIZE);
    j->tokens = tokens;
}

uint32_t journal_block_number(const struct journal *j)
{
    return j->current;
}

struct slice journal_block(const struct journal *j)
{
    return text_slice(&j->block);
}

uint64_t journal_oldest(const struct journal *j)
{
    uint64_t oldest = j->next;

    for (uint32_t i = 0; i < j->blocks; i++)
        if (j->extent[i].count > 0 && j->extent[i].first < oldest)
            oldest = j->extent[i].first;
    return oldest == j->next ? 0 : oldest;
}

uint64_t journal_newest(const struct journal *j)
{
    return j->next - 1;
}

int64_t journal_newest_time(const struct journal *j)
{
    static const char key[] = " time=";
    struct slice rest = journal_entries(journal_block(j), journal_newest(j)), entry;
    int64_t time;

    if (!journal_take_entry(&rest, &entry))
        return 0;
    const char *at = memmem(entry.at, entry.len, key, sizeof(key) - 1);
    if (at == NULL)
        return 0;
    at += sizeof(key) - 1;
    struct slice left = { at, (size_t)(entry.at + entry.len - at) };
    const char *end = memchr(left.at, ' ', left.len);
    left.len = end != NULL ? (size_t)(end - left.at) : left.len;
    return stamp_parse(left, &time) ? time : 0;
}

bool journal_find(const struct journal *j, uint64_t serial, uint32_t *block)
{
    for (uint32_t i = 0; i < j->blocks; i++) {
        if (serial >= j->extent[i].first && serial - j->extent[i].first < j->extent[i].count) {
            *block = i;
            return true;
        }
    }
    return false;
}

struct slice journal_entries(struct slice block, uint64_t serial)
{
    struct slice rest = { block.at + HEAD_SIZE, block.len - HEAD_SIZE }, entry;
    uint64_t found;

    for (struct slice from = rest; journal_take_entry(&rest, &entry); from = rest)
        if (journal_serial(entry, &found) && found >= serial)
            return from;
    return (struct slice){ block.at + block.len, 0 };
}

struct slice journal_entries_before(struct slice block, uint64_t serial)
{
    const char *begin = block.at + HEAD_SIZE;

    return (struct slice){ begin, (size_t)(journal_entries(block, serial).at - begin) };
}

void journal_key(struct text *key, uint32_t block)
{
    text_addf(key, "journal/%u", block);
}
