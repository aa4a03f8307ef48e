/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/stack_set.h"

#include "daemon/base/log.h"

enum { END_MILLISECONDS = 1000 };

bool succession_begin(struct succession *s, struct server *server, const struct config *c,
                      struct problem *problem)
{
    struct stacks *first = stacks_new(c, &server->meters, problem);

    *s = (struct succession){ .server = server, .settled = true };
    atomic_store(&server->stacks, first);
    return first != NULL;
}

bool succession_replace(struct succession *s, const struct config *c, struct problem *problem)
{
    struct server *server = s->server;
    struct stacks *old = atomic_load(&server->stacks);
    struct stacks *new = stacks_new(c, &server->meters, problem);

    if (new == NULL)
        return false;
    s->recall = s->recall || stacks_terms_differ(old, new);
    old->next = s->replaced;
    s->replaced = old;
    s->settled = false;
    atomic_store(&server->stacks, new);
    for (size_t i = 0; i < server->lanes; i++)
        mailbox_wake(&server->lane[i].box);
    return true;
}

static bool is_used(const struct server *server, const struct stacks *stacks)
{
    for (size_t i = 0; i < server->lanes; i++)
        if (atomic_load(&server->lane[i].stacks) == stacks)
            return true;
    return atomic_load(&stacks->hearings) > 0;
}

static void reap(struct succession *s)
{
    for (struct stacks **link = &s->replaced; *link != NULL;) {
        struct stacks *old = *link;
        if (is_used(s->server, old) || !stacks_end(old, 0)) {
            link = &old->next;
        } else {
            *link = old->next;
            stacks_free(old);
        }
    }
}

bool succession_step(struct succession *s)
{
    struct server *server = s->server;
    const struct stacks *now = atomic_load(&server->stacks);

    for (size_t i = 0; i < server->lanes && !s->settled; i++)
        if (atomic_load(&server->lane[i].stacks) != now)
            return false;
    s->settled = true;
    if (s->recall) {
        int error = publish_recall(server->publisher);
        if (error < 0) {
            log_error("no memory for a new table (%s): those who have the old one go on by what the "
                      "configuration was; trying again", strerror(-error));
            return false;
        }
        s->recall = false;
    }
    reap(s);
    return true;
}

void succession_end(struct succession *s)
{
    struct stacks *now = s->server != NULL ? atomic_load(&s->server->stacks) : NULL;

    if (now == NULL)
        return;
    now->next = s->replaced;
    s->replaced = now;
    atomic_store(&s->server->stacks, NULL);
    for (struct stacks *each = s->replaced; each != NULL; each = each->next)
        stacks_end(each, 0);
    for (struct stacks *each = s->replaced; each != NULL; each = each->next)
        if (!stacks_end(each, END_MILLISECONDS))
            log_warning("a verifier has not come back; jetond ends without it");
}

void succession_free(struct succession *s)
{
    struct stacks *next;

    for (struct stacks *each = s->replaced; each != NULL; each = next) {
        next = each->next;
        if (stacks_end(each, 0))
            stacks_free(each);
    }
    s->replaced = NULL;
}
