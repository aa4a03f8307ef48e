/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/wal_format.h"

#include <endian.h>
#include <sodium.h>

#include "proto/line.h"

#define SHAPE_TITLE "jeton log v1\n"
#define HEAD_TITLE "jeton log segment v1\n"
#define BATCH_MAGIC "batch v1"

enum { HEAD_TEXT_MAX = 512 };
enum { MAGIC = 16, SEQUENCE = 24, FIRST = 32, COUNT = 40, LENGTH = 44, EPOCH = 48, PREVIOUS = 64 };

_Static_assert(WAL_CHECK == crypto_shorthash_siphashx24_BYTES, "check");
_Static_assert(WAL_CHECK == crypto_shorthash_siphashx24_KEYBYTES, "key");
_Static_assert(PREVIOUS + WAL_CHECK == WAL_BATCH_HEAD, "head");
_Static_assert(EPOCH + EPOCH_TEXT == PREVIOUS, "epoch");

static void compute_check(const char *at, size_t len, const uint8_t key[WAL_CHECK],
                          uint8_t check[WAL_CHECK])
{
    crypto_shorthash_siphashx24(check, (const uint8_t *)at, len, key);
}

bool wal_shape_valid(const struct wal_shape *shape)
{
    return shape->segments >= WAL_SEGMENTS_MIN && shape->segments <= WAL_SEGMENTS_MAX &&
           shape->size >= WAL_SIZE_MIN && shape->size <= WAL_SIZE_MAX &&
           shape->size % WAL_BLOCK == 0;
}

bool wal_epoch_valid(const char *epoch)
{
    size_t len = strspn(epoch, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return len > 0 && len <= EPOCH_TEXT && epoch[len] == '\0';
}

/* -- heads in text ---------------------------------------------------------------------------- */

/* Read the fields of a head, whose text is at most a sector.  The slices are in `line`. */
static bool read_fields(const char *block, const char *title, char line[HEAD_TEXT_MAX],
                        struct line *fields)
{
    size_t at = strlen(title);
    const char *why,
        *end = memcmp(block, title, at) != 0 ? NULL : memchr(block + at, '\n', HEAD_TEXT_MAX - at);

    if (end == NULL)
        return false;
    size_t len = (size_t)(end - block) - at;
    memcpy(line, block + at, len);
    return line_parse(line, len, fields, &why) == STATUS_OK;
}

static bool read_u64(const struct line *fields, const char *key, uint64_t max, uint64_t *number)
{
    struct slice value = line_get(fields, key);

    return value.at != NULL && number_parse(value, max, number);
}

/* End a head, by a check of what precedes it, and fill up the block. */
static void end_head(struct text *t)
{
    static const uint8_t key[WAL_CHECK];
    uint8_t check[WAL_CHECK];

    compute_check(t->at, t->len, key, check);
    text_adds(t, " check=");
    text_add_hex(t, check, sizeof(check));
    text_addc(t, '\n');
    memset(t->at + t->len, 0, t->cap - t->len);
}

void wal_shape_write(char block[WAL_BLOCK], const struct wal_shape *shape)
{
    struct text t = text_in(block, WAL_BLOCK);

    text_addf(&t, SHAPE_TITLE "segments=%u size=%u", shape->segments, shape->size);
    end_head(&t);
}

bool wal_shape_read(const char block[WAL_BLOCK], struct wal_shape *shape)
{
    char line[HEAD_TEXT_MAX], again[WAL_BLOCK];
    struct line fields;
    uint64_t segments, size;

    if (!read_fields(block, SHAPE_TITLE, line, &fields) ||
        !read_u64(&fields, "segments", WAL_SEGMENTS_MAX, &segments) ||
        !read_u64(&fields, "size", WAL_SIZE_MAX, &size))
        return false;
    *shape = (struct wal_shape){ (uint32_t)segments, (uint32_t)size };
    wal_shape_write(again, shape);
    return wal_shape_valid(shape) && memcmp(again, block, WAL_BLOCK) == 0;
}

void wal_head_write(char block[WAL_BLOCK], const struct wal_head *head)
{
    struct text t = text_in(block, WAL_BLOCK);

    text_addf(&t, HEAD_TITLE "epoch=%s", head->epoch);
    line_put_u64(&t, "sequence", head->sequence);
    line_put_u64(&t, "first", head->first);
    line_put_key(&t, "previous");
    text_add_hex(&t, head->previous, sizeof(head->previous));
    line_puts(&t, "begins", head->begins ? "yes" : "no");
    end_head(&t);
}

bool wal_head_read(const char block[WAL_BLOCK], struct wal_head *head)
{
    char line[HEAD_TEXT_MAX], again[WAL_BLOCK];
    struct line fields;

    if (!read_fields(block, HEAD_TITLE, line, &fields))
        return false;
    struct slice epoch = line_get(&fields, "epoch"), previous = line_get(&fields, "previous"),
                 begins = line_get(&fields, "begins");
    *head = (struct wal_head){ .begins = begins.at != NULL && slice_is(begins, "yes") };
    if (epoch.at == NULL || epoch.len > EPOCH_TEXT || previous.at == NULL ||
        !hex_parse(previous, head->previous, sizeof(head->previous)) ||
        !read_u64(&fields, "sequence", UINT64_MAX / 2, &head->sequence) ||
        !read_u64(&fields, "first", UINT64_MAX / 2, &head->first))
        return false;
    memcpy(head->epoch, epoch.at, epoch.len);
    wal_head_write(again, head);
    return wal_epoch_valid(head->epoch) && memcmp(again, block, WAL_BLOCK) == 0;
}

/* -- batches ---------------------------------------------------------------------------------- */

static void put_u64(char *at, uint64_t number)
{
    number = htole64(number);
    memcpy(at, &number, sizeof(number));
}

static void put_u32(char *at, uint32_t number)
{
    number = htole32(number);
    memcpy(at, &number, sizeof(number));
}

static uint64_t get_u64(const char *at)
{
    uint64_t number;

    memcpy(&number, at, sizeof(number));
    return le64toh(number);
}

static uint32_t get_u32(const char *at)
{
    uint32_t number;

    memcpy(&number, at, sizeof(number));
    return le32toh(number);
}

void wal_batch_write(char *at, struct wal_batch *b)
{
    size_t len = WAL_BATCH_HEAD + b->body.len;

    memcpy(at + MAGIC, BATCH_MAGIC, SEQUENCE - MAGIC);
    put_u64(at + SEQUENCE, b->sequence);
    put_u64(at + FIRST, b->first);
    put_u32(at + COUNT, b->count);
    put_u32(at + LENGTH, (uint32_t)b->body.len);
    memcpy(at + EPOCH, b->epoch, EPOCH_TEXT);
    memcpy(at + PREVIOUS, b->previous, WAL_CHECK);
    if (b->body.len > 0)
        memcpy(at + WAL_BATCH_HEAD, b->body.at, b->body.len);
    memset(at + len, 0, wal_batch_size(b->body.len) - len);
    compute_check(at + WAL_CHECK, len - WAL_CHECK, b->previous, b->check);
    memcpy(at, b->check, WAL_CHECK);
}

bool wal_batch_may_begin(const char block[WAL_BLOCK], uint64_t sequence)
{
    return memcmp(block + MAGIC, BATCH_MAGIC, SEQUENCE - MAGIC) == 0 &&
           get_u64(block + SEQUENCE) >= sequence;
}

bool wal_batch_read(const char *at, size_t left, struct wal_batch *b)
{
    uint8_t check[WAL_CHECK];

    if (left < WAL_BLOCK || !wal_batch_may_begin(at, 0))
        return false;
    *b = (struct wal_batch){ .sequence = get_u64(at + SEQUENCE),
                             .first = get_u64(at + FIRST),
                             .count = get_u32(at + COUNT),
                             .body = { at + WAL_BATCH_HEAD, get_u32(at + LENGTH) } };
    memcpy(b->epoch, at + EPOCH, EPOCH_TEXT);
    memcpy(b->previous, at + PREVIOUS, WAL_CHECK);
    memcpy(b->check, at, WAL_CHECK);
    if (b->count == 0 || b->body.len > left || wal_batch_size(b->body.len) > left)
        return false;
    compute_check(at + WAL_CHECK, WAL_BATCH_HEAD - WAL_CHECK + b->body.len, b->previous, check);
    return memcmp(check, b->check, WAL_CHECK) == 0;
}
