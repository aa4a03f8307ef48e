/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/change.h"

#include <sodium.h>

#include "daemon/secret.h"

struct change *change_new(const struct change_kind *kind)
{
    struct change *c = secret_new(sizeof(*c));

    if (c != NULL)
        *c = (struct change){ .kind = kind };
    return c;
}

void change_free(struct change *c)
{
    if (c == NULL)
        return;
    sodium_memzero(c->value, sizeof(c->value));
    secret_free(c, sizeof(*c));
}

bool change_writes(const struct change *c)
{
    return c->problem.status == STATUS_OK && (c->puts || c->removes);
}
