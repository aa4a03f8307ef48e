/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_uncounted.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64 };

void fleet_uncounted_free(struct fleet_uncounted *u)
{
    free(u->id);
    *u = (struct fleet_uncounted){ 0 };
}

void fleet_uncounted_add(struct fleet_uncounted *u, const uint8_t digest[DIGEST_SIZE])
{
    if (u->count == u->capacity) {
        size_t capacity = u->capacity > 0 ? 2 * u->capacity : CAPACITY_MIN;
        void *grown = realloc(u->id, capacity * ID_SIZE);
        if (grown == NULL)
            return;
        u->id = grown;
        u->capacity = capacity;
    }
    memcpy(u->id[u->count++], digest, ID_SIZE);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, ID_SIZE);
}

bool fleet_uncounted_has(const struct fleet_uncounted *u, const uint8_t id[ID_SIZE])
{
    return u->count > 0 && bsearch(id, u->id, u->count, ID_SIZE, compare) != NULL;
}
