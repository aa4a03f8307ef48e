/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/table/token_bans.h"

#include "daemon/table/generation.h"

static void write_slot(struct generation *g, struct place place, const uint8_t digest[DIGEST_SIZE],
                       uint32_t flags)
{
    struct slot_values v = { .flags = flags, .activates = TIME_ALWAYS, .expires = TIME_NEVER };

    memcpy(v.digest, digest, DIGEST_SIZE);
    generation_write(g, place, &v);
}

/* Find the slot of an alias, and the first bytes of its token's digest. */
static bool find_alias(const struct generation *g, const uint8_t signed_part[DIGEST_SIZE],
                       struct place *place, uint8_t target[ALIAS_TARGET])
{
    *place = generation_place_name(g, signed_part);
    if (!place->found)
        return false;
    struct slot_values v = generation_read(g, place->slot);
    generation_alias_target(&v, target);
    return (v.flags & SLOT_ALIAS) != 0;
}

void token_bans_put(struct token_table *t, const uint8_t digest[DIGEST_SIZE])
{
    struct generation *g = token_table_lock(t);

    if (token_table_keeps_bans(t))
        write_slot(g, generation_place_name(g, digest), digest,
                   SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED);
    token_table_unlock(t);
}

/* Revoke the token in a slot, or the one that the alias in it leads to; false: it has neither. */
static bool revoke_token(struct generation *g, struct place place)
{
    uint8_t target[ALIAS_TARGET];
    struct slot_values v;

    if (place.found) {
        v = generation_read(g, place.slot);
        if (v.flags & SLOT_ALIAS) {
            generation_alias_target(&v, target);
            place = generation_place(g, target);
        }
    }
    if (!place.found)
        return false;
    v = generation_read(g, place.slot);
    if (v.flags & SLOT_NO_TOKEN)
        return false;
    v.flags |= SLOT_REVOKED;
    generation_write(g, place, &v);
    return true;
}

bool token_bans_deny(struct token_table *t, const uint8_t digest[DIGEST_SIZE], bool put)
{
    struct generation *g = token_table_lock(t);
    struct place place = generation_place_name(g, digest);
    bool denied = revoke_token(g, place) || !token_table_keeps_bans(t) ||
                  (place.found && (generation_read(g, place.slot).flags & SLOT_BANNED));

    if (!denied && put)
        write_slot(g, place, digest, SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED);
    token_table_unlock(t);
    return denied || put;
}

void token_bans_load(struct token_table *t, const uint8_t digest[DIGEST_SIZE])
{
    struct generation *g = token_table_lock(t);
    struct place place = generation_place_name(g, digest);
    struct slot_values v = { .flags = SLOT_NO_TOKEN };

    if (place.found)
        v = generation_read(g, place.slot);
    if ((v.flags & SLOT_NO_TOKEN) == 0) {
        v.flags |= SLOT_REVOKED;
        generation_write(g, place, &v);
    } else if (token_table_keeps_bans(t)) {
        write_slot(g, place, digest, SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED);
    }
    token_table_unlock(t);
}

void token_bans_remove(struct token_table *t, const uint8_t digest[DIGEST_SIZE])
{
    struct generation *g = token_table_lock(t);
    struct place place = generation_place_name(g, digest);

    if (place.found && (generation_read(g, place.slot).flags & SLOT_BANNED))
        write_slot(g, place, digest, SLOT_TOMBSTONE);
    token_table_unlock(t);
}

bool token_bans_find_alias(struct token_table *t, const uint8_t signed_part[DIGEST_SIZE],
                           uint8_t id[ID_SIZE])
{
    uint8_t target[ALIAS_TARGET];
    struct place place;

    bool found = find_alias(token_table_lock(t), signed_part, &place, target);
    token_table_unlock(t);
    if (found)
        memcpy(id, target, ID_SIZE);
    return found;
}

void token_bans_remove_alias(struct token_table *t, const struct record *removed)
{
    uint8_t target[ALIAS_TARGET];
    struct place place;

    if (!removed->has_signed)
        return;
    struct generation *g = token_table_lock(t);
    if (find_alias(g, removed->signed_part, &place, target) &&
        memcmp(target, removed->digest, sizeof(target)) == 0)
        write_slot(g, place, removed->signed_part, SLOT_TOMBSTONE);
    token_table_unlock(t);
}
