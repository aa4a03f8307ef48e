/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/change.h"

#include <sodium.h>
#include <stdlib.h>

struct change *change_new(const struct change_kind *kind)
{
    struct change *c = calloc(1, sizeof(*c));

    if (c != NULL)
        c->kind = kind;
    return c;
}

void change_free(struct change *c)
{
    if (c == NULL)
        return;
    sodium_memzero(c->value, sizeof(c->value));
    free(c);
}

bool change_writes(const struct change *c)
{
    return c->problem.status == STATUS_OK && (c->puts || c->removes);
}
