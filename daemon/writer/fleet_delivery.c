/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_delivery.h"

#include <stdlib.h>

enum { FIRST_BYTES = 4096, ALIGNMENT = _Alignof(struct fleet_change) };

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
    fleet_status_release(b->status, b->number);
    free(b->changes);
    free(b);
}

void fleet_delivery_clear(struct fleet_delivery *b)
{
    b->count = b->bytes = 0;
}

/* Have memory for so many more bytes. */
static enum status reserve(struct fleet_delivery *b, size_t more)
{
    size_t capacity = b->capacity > 0 ? b->capacity : FIRST_BYTES;

    if (b->bytes + more > FLEET_DELIVERY_BYTES)
        return STATUS_TOO_LARGE;
    if (b->bytes + more <= b->capacity)
        return STATUS_OK;
    while (capacity < b->bytes + more)
        capacity *= 2;
    uint8_t *changes = realloc(b->changes, capacity);

    if (changes == NULL)
        return STATUS_INTERNAL;
    b->changes = changes;
    b->capacity = capacity;
    return STATUS_OK;
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
