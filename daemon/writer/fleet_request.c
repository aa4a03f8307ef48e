/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_request.h"

#include <stdlib.h>

struct fleet_request *fleet_request_new(enum fleet_word word)
{
    struct fleet_request *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->word = word;
    r->limit = UINT64_MAX;
    return r;
}

void fleet_request_free(struct fleet_request *r)
{
    if (r == NULL)
        return;
    fleet_delivery_free(r->delivery);
    free(r);
}
