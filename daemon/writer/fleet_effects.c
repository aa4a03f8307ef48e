/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_effects.h"

#include "daemon/base/page_array.h"

enum { KEPT = 64 * 1024 };

/* What comes before the records, which follow each other without padding. */
struct head {
    bool had, banned, again, before_deleted, after_deleted, enables;
};

void fleet_effects_free(struct fleet_effects *e)
{
    page_array_free(e->bytes, e->capacity, 1);
    *e = (struct fleet_effects){ NULL };
}

void fleet_effects_trim(struct fleet_effects *e)
{
    if (e->capacity > KEPT)
        fleet_effects_free(e);
}

void fleet_effects_clear(struct fleet_effects *e)
{
    e->len = e->count = e->slots = 0;
    e->texts = 0;
}

static size_t record_bytes(const struct record *r)
{
    return offsetof(struct record, texts) + record_texts_len(r);
}

static bool reserve(struct fleet_effects *e, size_t more)
{
    if (e->len + more <= e->capacity)
        return true;
    uint8_t *bytes = page_array_grow(e->bytes, &e->capacity, 1, 2 * e->capacity + more);

    if (bytes == NULL)
        return false;
    e->bytes = bytes;
    return true;
}

static void append(struct fleet_effects *e, const void *bytes, size_t len)
{
    memcpy(e->bytes + e->len, bytes, len);
    e->len += len;
}

bool fleet_effects_add(struct fleet_effects *e, const struct fleet_effect *effect)
{
    const struct record *before = &effect->before.record, *after = &effect->after.record;
    size_t before_bytes = effect->had ? record_bytes(before) : 0;
    const struct head head = {
        .had = effect->had,
        .banned = effect->banned,
        .again = effect->again,
        .before_deleted = effect->had && effect->before.deleted,
        .after_deleted = effect->after.deleted,
        .enables = effect->after.enables,
    };

    if (!reserve(e, sizeof(head) + before_bytes + record_bytes(after)))
        return false;
    append(e, &head, sizeof(head));
    append(e, before, before_bytes);
    append(e, after, record_bytes(after));
    e->texts += (uint64_t)after->subject_len + after->scopes_len;
    e->slots += !effect->had || effect->before.deleted;
    e->count++;
    return true;
}

static void take_record(const struct fleet_effects *e, size_t *at, struct record *r)
{
    memcpy(r, e->bytes + *at, offsetof(struct record, texts));
    *at += offsetof(struct record, texts);
    memcpy(r->texts, e->bytes + *at, record_texts_len(r));
    *at += record_texts_len(r);
}

bool fleet_effects_next(const struct fleet_effects *e, size_t *at, struct fleet_effect *effect)
{
    struct head head;

    if (*at == e->len)
        return false;
    memcpy(&head, e->bytes + *at, sizeof(head));
    *at += sizeof(head);
    effect->had = head.had;
    effect->banned = head.banned;
    effect->again = head.again;
    effect->before.deleted = head.before_deleted;
    effect->before.enables = false;
    if (head.had)
        take_record(e, at, &effect->before.record);
    effect->after.deleted = head.after_deleted;
    effect->after.enables = head.enables;
    take_record(e, at, &effect->after.record);
    return true;
}
