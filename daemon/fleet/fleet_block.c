/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_block.h"

#include <sodium.h>

#include "daemon/fleet/fleet_batch.h"
#include "daemon/fleet/fleet_bytes.h"

#define MAGIC "jeton fleet v1\n"

enum { CHECK = 16, NUMBER = 16, KIND = 20, USED = 22 };
enum {
    NAME = 16,
    EPOCH = 32,
    NEXT = 48,
    ENTRIES = 56,
    BLOCKS = 64,
    PLACES = 72,
    UNSENT = 80,
    LAST = 88,
    HEAD_BYTES = 96
};

_Static_assert(CHECK == crypto_shorthash_siphashx24_BYTES, "check");
_Static_assert(FLEET_FILE_NAME == crypto_shorthash_siphashx24_KEYBYTES, "key");
_Static_assert(sizeof(MAGIC) == NAME, "magic");

static void compute_check(const char *block, const uint8_t *name, uint8_t check[CHECK])
{
    crypto_shorthash_siphashx24(check, (const uint8_t *)block + CHECK, FLEET_BLOCK - CHECK, name);
}

void fleet_block_seal(char block[FLEET_BLOCK], const uint8_t name[FLEET_FILE_NAME], uint32_t number,
                      enum fleet_block_kind kind, size_t used)
{
    fleet_put_u32(block + NUMBER, number);
    fleet_put_u16(block + KIND, (uint16_t)kind);
    fleet_put_u16(block + USED, (uint16_t)used);
    memset(block + FLEET_BLOCK_HEAD + used, 0, FLEET_BLOCK_BYTES - used);
    compute_check(block, name, (uint8_t *)block);
}

struct slice fleet_block_open(const char block[FLEET_BLOCK], const uint8_t name[FLEET_FILE_NAME],
                              uint32_t number, enum fleet_block_kind kind)
{
    uint8_t check[CHECK];
    const size_t used = fleet_get_u16(block + USED);

    compute_check(block, name, check);
    if (memcmp(block, check, CHECK) != 0 || fleet_get_u32(block + NUMBER) != number ||
        fleet_get_u16(block + KIND) != kind || used > FLEET_BLOCK_BYTES)
        return (struct slice){ NULL, 0 };
    return (struct slice){ block + FLEET_BLOCK_HEAD, used };
}

void fleet_head_write(char block[FLEET_BLOCK], const struct fleet_head *head)
{
    char *at = block + FLEET_BLOCK_HEAD;

    memset(at, 0, HEAD_BYTES);
    memcpy(at, MAGIC, sizeof(MAGIC));
    memcpy(at + NAME, head->name, FLEET_FILE_NAME);
    memcpy(at + EPOCH, head->epoch, strnlen(head->epoch, EPOCH_TEXT));
    fleet_put_u64(at + NEXT, head->next);
    fleet_put_u64(at + ENTRIES, head->entries);
    fleet_put_u64(at + BLOCKS, head->blocks);
    fleet_put_u64(at + PLACES, head->places);
    fleet_put_u64(at + UNSENT, head->unsent);
    fleet_put_u64(at + LAST, head->last);
    fleet_block_seal(block, head->name, 0, FLEET_BLOCK_FILE, HEAD_BYTES);
}

/* The most of anything: so that sums of sizes do not overflow, and numbers of blocks have 32 bits. */
static bool is_possible(const struct fleet_head *h)
{
    return h->blocks < UINT32_MAX / 2 && h->entries >= h->blocks &&
           h->entries <= h->blocks * (FLEET_BLOCK_BYTES / 2) && h->places <= UINT32_MAX &&
           h->unsent <= UINT32_MAX && fleet_head_file_blocks(h) < UINT32_MAX && h->next > 0;
}

bool fleet_head_read(const char block[FLEET_BLOCK], struct fleet_head *head)
{
    uint8_t name[FLEET_FILE_NAME];

    memcpy(name, block + FLEET_BLOCK_HEAD + NAME, sizeof(name));
    struct slice bytes = fleet_block_open(block, name, 0, FLEET_BLOCK_FILE);
    if (bytes.len != HEAD_BYTES || memcmp(bytes.at, MAGIC, sizeof(MAGIC)) != 0)
        return false;
    *head = (struct fleet_head){ .next = fleet_get_u64(bytes.at + NEXT),
                                 .entries = fleet_get_u64(bytes.at + ENTRIES),
                                 .blocks = fleet_get_u64(bytes.at + BLOCKS),
                                 .places = fleet_get_u64(bytes.at + PLACES),
                                 .unsent = fleet_get_u64(bytes.at + UNSENT),
                                 .last = fleet_get_u64(bytes.at + LAST) };
    memcpy(head->name, name, sizeof(name));
    memcpy(head->epoch, bytes.at + EPOCH, EPOCH_TEXT);
    return is_possible(head);
}

uint64_t fleet_head_tail(const struct fleet_head *head)
{
    return head->blocks * sizeof(uint64_t) + head->places * FLEET_PLACE_BYTES +
           head->unsent * FLEET_UNSENT_BYTES;
}

uint64_t fleet_head_file_blocks(const struct fleet_head *head)
{
    return 1 + head->blocks + (fleet_head_tail(head) + FLEET_BLOCK_BYTES - 1) / FLEET_BLOCK_BYTES;
}
