/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions that do not block: thin, because a link never does. */
#include "plugin/lib/jeton.h"

#include <errno.h>

#include "plugin/lib/handle.h"
#include "proto/token.h"

static struct door *waiting_door(const struct jeton *h)
{
    return &h->own->door[HANDLE_DOORS];
}

static struct asking *free_asking(struct own *own)
{
    for (size_t i = 0; i < HANDLE_WAITING_MAX; i++)
        if (!own->asking[i].waits)
            return &own->asking[i];
    return NULL;
}

/* False: nobody can be asked. */
static bool start(struct jeton *h, const struct question *q, struct asking *asking)
{
    struct door *door = waiting_door(h);
    int64_t deadline = clock_in(atomic_load(&h->timeout));

    if (door->link.count > 0 ? !link_connected(&door->link) :
        !link_idle(&door->link) && handle_open_door(h, door, 0) < 0)
        return false;
    token_digest(q->value, asking->digest);
    handle_fetch_table(door, deadline);
    if (!asking_send(asking, &door->link, h->service, q, deadline))
        return false;
    asking->waits = true;
    link_send(&door->link);
    return true;
}

enum jeton_status jeton_verify_start(struct jeton *h, const void *value, size_t length,
                                     const char *scopes, const char *subject,
                                     struct jeton_claims *claims, jeton_done *done, void *context)
{
    enum jeton_status status;
    struct question q;

    if (!asking_read(&q, value, length, scopes, subject, claims) || done == NULL)
        return JETON_INVALID;
    if (handle_ask_table(h, &q, claims, &status))
        return status;
    struct asking *asking = free_asking(h->own);
    if (asking == NULL)
        return JETON_UNAVAILABLE;
    struct calm calm = calm_begin();
    *asking = (struct asking){
        .status = JETON_UNAVAILABLE, .claims = claims, .done = done, .context = context,
    };
    status = start(h, &q, asking) ? JETON_WAITING : asking->status;
    calm_end(calm);
    return status;
}

void jeton_cancel(struct jeton *h, void *context)
{
    for (size_t i = 0; i < HANDLE_WAITING_MAX; i++) {
        struct asking *asking = &h->own->asking[i];
        if (asking->waits && asking->context == context) {
            asking->done = NULL;
            asking->claims = NULL;
        }
    }
}

int jeton_fd(const struct jeton *h)
{
    const struct link *l = &waiting_door(h)->link;
    int error = errno, fd = link_connected(l) ? l->mark->fd : -1;

    errno = error;
    return fd;
}

short jeton_events(const struct jeton *h)
{
    return link_events(&waiting_door(h)->link);
}

int jeton_timeout(const struct jeton *h)
{
    const struct link *l = &waiting_door(h)->link;
    int64_t left = link_deadline(l) - clock_now();

    if (l->count == 0)
        return -1;
    return left <= 0 || jeton_fd(h) < 0 ? 0 : (int)left;
}

void jeton_dispatch(struct jeton *h)
{
    struct link *l = &waiting_door(h)->link;
    struct calm calm = calm_begin();

    if (l->mark != NULL || l->count > 0)
        link_step(l);
    if (link_deadline(l) <= clock_now())
        link_drop(l);
    calm_end(calm);
}
