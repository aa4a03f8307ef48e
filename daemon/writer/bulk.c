/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/bulk.h"

#include <stdlib.h>

struct bulk *bulk_new(struct change *want, int64_t now)
{
    struct bulk *b = malloc(sizeof(*b));

    if (b == NULL)
        return NULL;
    memset(b, 0, offsetof(struct bulk, id));
    b->want = want;
    b->now = now;
    return b;
}

void bulk_free(struct bulk *b)
{
    if (b == NULL)
        return;
    change_free(b->want);
    free(b);
}

struct change *bulk_change(const struct bulk *b, const uint8_t id[ID_SIZE])
{
    const struct change *want = b->want;
    struct change *c = change_new_of_many(want->kind);

    if (c == NULL)
        return NULL;
    c->uid = want->uid;
    c->pid = want->pid;
    c->login = want->login;
    c->given = want->given;
    c->ttl = want->ttl;
    c->wait = want->wait;
    c->want.expires = want->want.expires;
    record_set_scopes(&c->want, record_scopes(&want->want));
    record_set_description(&c->want, record_description(&want->want));
    memcpy(c->id, id, ID_SIZE);
    return c;
}
