/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/pool_place.h"

#include <stdlib.h>

struct pool_place *pool_place_get(struct uid_share *share, const struct thread_pool *pool)
{
    struct pool_place *place = share->places;

    while (place != NULL && place->pool != pool)
        place = place->next;
    if (place != NULL)
        return place;
    place = calloc(1, sizeof(*place));
    if (place == NULL)
        return NULL;
    place->pool = pool;
    place->next = share->places;
    TAILQ_INIT(&place->waiting);
    share->places = place;
    return place;
}

void pool_place_put(struct uid_share *share, struct pool_place *place)
{
    struct pool_place **link = &share->places;

    if (place->taken > 0 || !TAILQ_EMPTY(&place->waiting))
        return;
    while (*link != place)
        link = &(*link)->next;
    *link = place->next;
    free(place);
}
