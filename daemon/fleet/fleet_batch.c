/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_batch.h"

#include <stdlib.h>

#include "daemon/fleet/fleet_bytes.h"

enum { KEPT = 256 * 1024, FIRST = 4096 };

/* -- items ------------------------------------------------------------------------------------ */

void fleet_place_encode(char at[FLEET_PLACE_BYTES], const struct fleet_place *place)
{
    fleet_put_u64(at, place->serial);
    memcpy(at + 8, place->nonce, FLEET_NONCE_SIZE);
}

void fleet_place_decode(const char at[FLEET_PLACE_BYTES], struct fleet_place *place)
{
    place->serial = fleet_get_u64(at);
    memcpy(place->nonce, at + 8, FLEET_NONCE_SIZE);
}

void fleet_unsent_encode(char at[FLEET_UNSENT_BYTES], const struct fleet_unsent *denial)
{
    fleet_put_u64(at, denial->number);
    memcpy(at + 8, denial->digest, DIGEST_SIZE);
    at += 8 + DIGEST_SIZE;
    at[0] = (char)denial->event;
    fleet_put_u32(at + 1, denial->by);
    fleet_put_u64(at + 5, (uint64_t)denial->time);
}

bool fleet_unsent_decode(const char at[FLEET_UNSENT_BYTES], struct fleet_unsent *denial)
{
    const char *behind = at + 8 + DIGEST_SIZE;

    *denial = (struct fleet_unsent){ .number = fleet_get_u64(at),
                                     .event = (unsigned char)behind[0],
                                     .by = fleet_get_u32(behind + 1),
                                     .time = (int64_t)fleet_get_u64(behind + 5) };
    memcpy(denial->digest, at + 8, DIGEST_SIZE);
    return denial->event < FLEET_DENIALS && denial->number > 0;
}

static bool read_item(struct fleet_item *item)
{
    const struct slice bytes = item->bytes;

    switch (item->kind) {
    case FLEET_ITEM_ENTRY:
        return bytes.len >= FLEET_ENTRY_MIN && bytes.len <= FLEET_ENTRY_MAX;
    case FLEET_ITEM_UNSENT:
        return bytes.len == FLEET_UNSENT_BYTES && fleet_unsent_decode(bytes.at, &item->unsent);
    case FLEET_ITEM_SENT:
        item->number = bytes.len == 8 ? fleet_get_u64(bytes.at) : 0;
        return bytes.len == 8;
    case FLEET_ITEM_PLACE:
    case FLEET_ITEM_REWIND:
        if (bytes.len != FLEET_PLACE_BYTES)
            return false;
        fleet_place_decode(bytes.at, &item->place);
        return item->place.serial > 0;
    }
    return false;
}

bool fleet_item_take(struct slice *rest, struct fleet_item *item)
{
    if (rest->len < FLEET_ITEM_HEAD)
        return false;
    item->kind = (unsigned char)rest->at[0];
    item->bytes = (struct slice){ rest->at + FLEET_ITEM_HEAD, fleet_get_u16(rest->at + 1) };
    if (item->bytes.len > rest->len - FLEET_ITEM_HEAD || !read_item(item))
        return false;
    rest->at += FLEET_ITEM_HEAD + item->bytes.len;
    rest->len -= FLEET_ITEM_HEAD + item->bytes.len;
    return true;
}

/* -- a batch ---------------------------------------------------------------------------------- */

void fleet_batch_free(struct fleet_batch *b)
{
    free(b->bytes);
    *b = (struct fleet_batch){ 0 };
}

void fleet_batch_clear(struct fleet_batch *b)
{
    if (b->capacity > KEPT)
        fleet_batch_free(b);
    b->len = b->entries = b->unsent = 0;
}

/* Return where an item may be written; NULL: no memory. */
static char *extend(struct fleet_batch *b)
{
    size_t capacity = b->capacity > 0 ? b->capacity : FIRST;

    while (capacity < b->len + FLEET_ITEM_MAX)
        capacity *= 2;
    if (capacity > b->capacity) {
        char *bytes = realloc(b->bytes, capacity);
        if (bytes == NULL)
            return NULL;
        b->bytes = bytes;
        b->capacity = capacity;
    }
    return b->bytes + b->len;
}

static void end_item(struct fleet_batch *b, enum fleet_item_kind kind, size_t len)
{
    b->bytes[b->len] = (char)kind;
    fleet_put_u16(b->bytes + b->len + 1, (uint16_t)len);
    b->len += FLEET_ITEM_HEAD + len;
}

bool fleet_batch_entry(struct fleet_batch *b, const struct fleet_entry *entry)
{
    char *at = extend(b);

    if (at == NULL)
        return false;
    struct text t = text_in(at + FLEET_ITEM_HEAD, FLEET_ENTRY_MAX);
    fleet_entry_write(&t, entry);
    end_item(b, FLEET_ITEM_ENTRY, t.len);
    b->entries++;
    return true;
}

bool fleet_batch_unsent(struct fleet_batch *b, const struct fleet_unsent *denial)
{
    char *at = extend(b);

    if (at == NULL)
        return false;
    fleet_unsent_encode(at + FLEET_ITEM_HEAD, denial);
    end_item(b, FLEET_ITEM_UNSENT, FLEET_UNSENT_BYTES);
    b->unsent++;
    return true;
}

bool fleet_batch_sent(struct fleet_batch *b, uint64_t number)
{
    char *at = extend(b);

    if (at == NULL)
        return false;
    fleet_put_u64(at + FLEET_ITEM_HEAD, number);
    end_item(b, FLEET_ITEM_SENT, 8);
    return true;
}

bool fleet_batch_place(struct fleet_batch *b, enum fleet_item_kind kind,
                       const struct fleet_place *place)
{
    char *at = extend(b);

    if (at == NULL)
        return false;
    fleet_place_encode(at + FLEET_ITEM_HEAD, place);
    end_item(b, kind, FLEET_PLACE_BYTES);
    return true;
}

bool fleet_batch_piece(const struct fleet_batch *b, size_t *at, size_t max, struct slice *piece)
{
    const size_t from = *at;

    while (*at < b->len) {
        size_t len = FLEET_ITEM_HEAD + (size_t)fleet_get_u16(b->bytes + *at + 1);
        if (*at + len - from > max)
            break;
        *at += len;
    }
    *piece = (struct slice){ b->bytes + from, *at - from };
    return piece->len > 0;
}
