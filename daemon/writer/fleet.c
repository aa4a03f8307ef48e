/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet.h"

#include <stdlib.h>

#define SERIAL_FLEET (UINT64_C(1) << 62)

struct fleet *fleet_open(const char *store, uint64_t log_size, struct token_table *token_table,
                         struct problem *problem)
{
    struct fleet *f = calloc(1, sizeof(*f));

    if (f != NULL)
        f->status = fleet_status_new(token_table);
    if (f == NULL || f->status == NULL) {
        problem_set(problem, STATUS_INTERNAL, "no memory");
        fleet_close(f);
        return NULL;
    }
    f->cache = fleet_cache_open(store, log_size, problem);
    if (f->cache == NULL) {
        fleet_close(f);
        return NULL;
    }
    fleet_show(f);
    return f;
}

void fleet_close(struct fleet *f)
{
    if (f == NULL)
        return;
    fleet_cache_close(f->cache);
    fleet_status_free(f->status);
    fleet_effects_free(&f->effects);
    fleet_effects_free(&f->entries);
    fleet_effects_free(&f->doubtful);
    fleet_uncounted_free(&f->uncounted);
    free(f);
}

void fleet_show(struct fleet *f)
{
    f->figures.place = fleet_cache_place(f->cache);
    f->figures.unsent = fleet_cache_unsent_count(f->cache);
    f->figures.cache_bytes = fleet_cache_bytes(f->cache);
    f->figures.whole = f->figures.place.serial != 0 && f->snapshot == 0 && !f->sweep.wanted;
    fleet_status_set(f->status, &f->figures);
}

uint64_t fleet_serial(const uint8_t digest[DIGEST_SIZE])
{
    uint64_t first = 0;

    for (size_t i = 0; i < sizeof(first); i++)
        first = first << 8 | digest[i];
    return SERIAL_FLEET | first >> 2;
}

bool fleet_serial_is(uint64_t serial)
{
    return serial >= SERIAL_FLEET;
}

enum store_found fleet_read(struct fleet *f, const uint8_t id[ID_SIZE], struct record *r)
{
    struct fleet_entry entry;
    enum store_found found = fleet_cache_find(f->cache, id, &entry);

    if (found == STORE_FOUND && entry.deleted)
        found = STORE_ABSENT;
    if (found != STORE_FOUND)
        return found;
    record_copy(r, &entry.record);
    r->serial = fleet_serial(r->digest);
    return found;
}
