/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/stack_set.h"

#include "daemon/base/log.h"

enum { END_MILLISECONDS = 1000 };

bool stack_set_begin(struct stack_set *s, struct server *server, const struct config *c,
                     struct problem *problem)
{
    struct stacks *first = stacks_new(c, &server->metrics, problem);

    *s = (struct stack_set){ .server = server, .settled = true };
    atomic_store(&server->stacks, first);
    return first != NULL;
}

bool stack_set_replace(struct stack_set *s, const struct config *c, struct problem *problem)
{
    struct server *server = s->server;
    struct stacks *old = atomic_load(&server->stacks);
    struct stacks *new = stacks_new(c, &server->metrics, problem);

    if (new == NULL)
        return false;
    s->recall = s->recall || stacks_terms_differ(old, new);
    old->next = s->replaced;
    s->replaced = old;
    s->settled = false;
    atomic_store(&server->stacks, new);
    for (size_t i = 0; i < server->workers; i++)
        mailbox_wake(&server->worker[i].box);
    return true;
}

static bool is_used(const struct server *server, const struct stacks *stacks)
{
    for (size_t i = 0; i < server->workers; i++)
        if (atomic_load(&server->worker[i].stacks) == stacks)
            return true;
    return atomic_load(&stacks->evaluations) > 0;
}

static void reap(struct stack_set *s)
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

bool stack_set_step(struct stack_set *s)
{
    struct server *server = s->server;
    const struct stacks *now = atomic_load(&server->stacks);

    for (size_t i = 0; i < server->workers && !s->settled; i++)
        if (atomic_load(&server->worker[i].stacks) != now)
            return false;
    s->settled = true;
    if (s->recall) {
        int error = token_table_recall(server->token_table);
        if (error < 0) {
            log_error(
                "no memory for a new table (%s): those who have the old one go on by what the "
                "configuration was; trying again",
                strerror(-error));
            return false;
        }
        s->recall = false;
    }
    reap(s);
    return true;
}

void stack_set_end(struct stack_set *s)
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

void stack_set_free(struct stack_set *s)
{
    struct stacks *next;

    for (struct stacks *each = s->replaced; each != NULL; each = next) {
        next = each->next;
        if (stacks_end(each, 0))
            stacks_free(each);
    }
    s->replaced = NULL;
}
