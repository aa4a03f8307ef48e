/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_delivery.h"

#include <stdlib.h>

#include "daemon/base/page_array.h"

enum { ALIGNMENT = _Alignof(struct fleet_change) };

struct fleet_delivery *fleet_delivery_new(struct fleet_status *status, uint64_t number)
{
    struct fleet_delivery *b = calloc(1, sizeof(*b));

    if (b == NULL) {
        fleet_status_release(status, number);
        return NULL;
    }
    b->status = status;
    b->number = number;
    return b;
}

void fleet_delivery_free(struct fleet_delivery *b)
{
    if (b == NULL)
        return;
    if (!b->follows)
        fleet_status_release(b->status, b->number);
    fleet_delivery_free(b->spare);
    page_array_free(b->changes, b->capacity, 1);
    free(b);
}

struct fleet_delivery *fleet_delivery_follow(struct fleet_delivery *b)
{
    struct fleet_delivery *next = b->spare != NULL ? b->spare : calloc(1, sizeof(*next));

    if (next == NULL)
        return NULL;
    *next = (struct fleet_delivery){
        .status = b->status,
        .number = b->number,
        .snapshot = b->snapshot,
        .most = b->most,
        .has_last = b->has_last,
        .from = b->from,
        .capacity = next->capacity,
        .changes = next->changes,
    };
    memcpy(next->last, b->last, DIGEST_SIZE);
    b->follows = true;
    b->spare = NULL;
    return next;
}

void fleet_delivery_return(struct fleet_delivery *b, struct fleet_delivery *done)
{
    fleet_delivery_free(b->spare); /* there is none */
    b->spare = done;
}

void fleet_delivery_clear(struct fleet_delivery *b)
{
    b->count = b->bytes = 0;
    b->denies = false;
}

/* Have memory for so many more bytes. */
static enum status reserve(struct fleet_delivery *b, size_t more)
{
    if (b->bytes + more > FLEET_DELIVERY_BYTES)
        return STATUS_TOO_LARGE;
    if (b->bytes + more <= b->capacity)
        return STATUS_OK;
    uint8_t *changes = page_array_grow(b->changes, &b->capacity, 1, 2 * b->capacity + more);

    if (changes == NULL)
        return STATUS_INTERNAL;
    b->changes = changes;
    return STATUS_OK;
}

bool fleet_change_denies(const struct fleet_change *c)
{
    return c->kind == FLEET_CHANGE_DROP || c->record.revoked != 0 || c->record.disabled != 0;
}

enum status fleet_delivery_add(struct fleet_delivery *b, enum fleet_change_kind kind, bool enables,
                               const struct record *record)
{
    size_t size = offsetof(struct fleet_change, record) + offsetof(struct record, texts) +
                  record_texts_len(record);

    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    enum status status = b->count < FLEET_DELIVERY_MAX ? reserve(b, size) : STATUS_TOO_LARGE;
    if (status != STATUS_OK)
        return status;
    struct fleet_change *change = (struct fleet_change *)(void *)(b->changes + b->bytes);
    change->size = (uint32_t)size;
    change->kind = (uint8_t)kind;
    change->enables = enables;
    record_copy(&change->record, record);
    b->denies = b->denies || fleet_change_denies(change);
    b->bytes += size;
    b->count++;
    return STATUS_OK;
}

const struct fleet_change *fleet_delivery_next(const struct fleet_delivery *b,
                                               const struct fleet_change *change)
{
    const uint8_t *next = change != NULL ? (const uint8_t *)change + change->size : b->changes;

    if (b->bytes == 0 || next == b->changes + b->bytes)
        return NULL;
    return (const struct fleet_change *)(const void *)next;
}
