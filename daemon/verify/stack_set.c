/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/stack_set.h"

#include <stdlib.h>

enum { END_MILLISECONDS = 1000 };

static void offer(struct stack_set *set, struct stacks *stacks)
{
    set->current = stacks;
    for (size_t i = 0; i < set->readers; i++)
        atomic_store(&set->reader[i].offered, stacks);
}

struct stack_set *stack_set_new(size_t readers, const struct config *c, struct metrics *metrics,
                                struct problem *problem)
{
    size_t size = sizeof(struct stack_set) + readers * sizeof(struct stack_reader);
    struct stack_set *set = aligned_alloc(_Alignof(struct stack_set), size);

    if (set == NULL) {
        problem_set(problem, STATUS_INTERNAL, "no memory for the verifiers");
        return NULL;
    }
    memset(set, 0, size);
    set->readers = readers;
    set->settled = true;
    struct stacks *first = stacks_new(c, metrics, problem);
    if (first == NULL) {
        free(set);
        return NULL;
    }
    offer(set, first);
    return set;
}

/* Move the current stacks to those that are replaced. */
static void retire_current(struct stack_set *set)
{
    set->current->next = set->replaced;
    set->replaced = set->current;
}

void stack_set_replace(struct stack_set *set, struct stacks *new)
{
    set->terms_changed = set->terms_changed || stacks_terms_differ(set->current, new);
    retire_current(set);
    set->settled = false;
    offer(set, new);
}

static bool is_used(const struct stack_set *set, const struct stacks *stacks)
{
    for (size_t i = 0; i < set->readers; i++)
        if (atomic_load(&set->reader[i].used) == stacks)
            return true;
    return atomic_load(&stacks->evaluations) > 0;
}

static void free_unused(struct stack_set *set)
{
    for (struct stacks **link = &set->replaced; *link != NULL;) {
        struct stacks *old = *link;
        if (is_used(set, old) || !stacks_end(old, 0)) {
            link = &old->next;
        } else {
            *link = old->next;
            stacks_free(old);
        }
    }
}

bool stack_set_step(struct stack_set *set)
{
    for (size_t i = 0; i < set->readers && !set->settled; i++)
        if (atomic_load(&set->reader[i].used) != set->current)
            return false;
    set->settled = true;
    free_unused(set);
    return true;
}

bool stack_set_end(struct stack_set *set)
{
    bool ended = true;

    if (set == NULL || set->current == NULL)
        return true;
    retire_current(set);
    offer(set, NULL);
    /* First tell all to end, then wait for each. */
    for (struct stacks *each = set->replaced; each != NULL; each = each->next)
        stacks_end(each, 0);
    for (struct stacks *each = set->replaced; each != NULL; each = each->next)
        ended = stacks_end(each, END_MILLISECONDS) && ended;
    return ended;
}

void stack_set_free(struct stack_set *set)
{
    struct stacks *next;

    if (set == NULL)
        return;
    for (struct stacks *each = set->replaced; each != NULL; each = next) {
        next = each->next;
        if (stacks_end(each, 0))
            stacks_free(each);
    }
    free(set);
}
