/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/stack.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/verifiers/require.h"
#include "proto/scopes.h"

static bool make_stack(struct stack *stack, const struct service_config *section,
                       const struct config *c, struct metrics *metrics, struct problem *problem);
static bool name_step(struct stack *stack, struct stack_entry *step, struct metrics *metrics);
static bool check_order(const struct stack *stack, const struct stack_entry_source *from,
                        struct problem *problem);
static void find_terms(struct stack *stack);

/* -- the set --------------------------------------------------------------------------------- */

/* What [service other] says if it is not there. */
static struct service_config built_in(void)
{
    struct service_config other = { .name = "other", .steps = 1 };

    other.step[0] = (struct service_entry){ .control = CONTROL_SUFFICIENT };
    return other;
}

struct stacks *stacks_new(const struct config *c, struct metrics *metrics, struct problem *problem)
{
    const struct service_configs *from = &c->services;
    const struct service_config other = built_in();
    struct stacks *s = calloc(1, sizeof(*s));

    problem_set(problem, STATUS_INTERNAL, "no memory for the verifiers");
    if (s == NULL)
        return NULL;
    s->stack = calloc(from->count + 1, sizeof(*s->stack));
    bool well = s->stack != NULL;
    for (size_t i = 0; i < from->count && well; i++) {
        struct stack *stack = &s->stack[s->count++];
        well = make_stack(stack, &from->section[i], c, metrics, problem);
        if (strcmp(stack->service, "other") == 0)
            s->other = stack;
    }
    if (well && s->other == NULL) {
        s->other = &s->stack[s->count++];
        well = make_stack(s->other, &other, c, metrics, problem);
    }
    if (well)
        return s;
    while (!stacks_end(s, 1000))
        continue;
    stacks_free(s);
    return NULL;
}

const struct stack *stacks_find(const struct stacks *s, struct slice service)
{
    for (size_t i = 0; i < s->count && service.len > 0; i++)
        if (slice_is(service, s->stack[i].service))
            return &s->stack[i];
    return s->other;
}

static bool terms_differ(const struct stack *a, const struct stack *b)
{
    return a->terms != b->terms || strcmp(a->scopes, b->scopes) != 0;
}

bool stacks_terms_differ(const struct stacks *a, const struct stacks *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (terms_differ(&a->stack[i], stacks_find(b, slice_of(a->stack[i].service))))
            return true;
    for (size_t i = 0; i < b->count; i++)
        if (terms_differ(&b->stack[i], stacks_find(a, slice_of(b->stack[i].service))))
            return true;
    return false;
}

static int64_t milliseconds_now(void)
{
    return (int64_t)(clock_monotonic() / 1000000);
}

static bool end_pools(struct stacks *s, int64_t until)
{
    bool ended = true;

    for (size_t i = 0; i < s->count; i++)
        for (size_t j = 0; j < s->stack[i].steps; j++) {
            struct stack_entry *step = &s->stack[i].step[j];
            int64_t left = until - milliseconds_now();
            if (step->pool != NULL && thread_pool_stop(step->pool, left > 0 ? (int)left : 0))
                step->pool = NULL;
            ended = ended && step->pool == NULL;
        }
    return ended;
}

/* All are told before the first is waited for, and they are waited for together. */
bool stacks_end(struct stacks *s, int milliseconds)
{
    return end_pools(s, 0) || end_pools(s, milliseconds_now() + milliseconds);
}

void stacks_free(struct stacks *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++) {
        for (size_t j = 0; j < s->stack[i].steps; j++)
            stack_entry_close(&s->stack[i].step[j]);
        free(s->stack[i].step);
    }
    free(s->stack);
    free(s);
}

/* -- one stack ------------------------------------------------------------------------------- */

static bool make_stack(struct stack *stack, const struct service_config *section,
                       const struct config *c, struct metrics *metrics, struct problem *problem)
{
    struct stack_entry_source from = { c, section, NULL };

    snprintf(stack->service, sizeof(stack->service), "%s", section->name);
    stack->series.service = metrics_get(metrics, section->name, "");
    stack->step = calloc(section->steps, sizeof(*stack->step));
    if (stack->series.service == NULL || stack->step == NULL)
        return false;
    for (size_t i = 0; i < section->steps; i++) {
        struct stack_entry *step = &stack->step[stack->steps++];
        from.line = &section->step[i];
        if (!stack_entry_open(step, &from, problem) || !check_order(stack, &from, problem) ||
            !name_step(stack, step, metrics))
            return false;
        stack->waits = stack->waits || step->blocks;
    }
    stack->plain = stack->steps == 1 && stack->step[0].verifier == NULL;
    if (stack->plain)
        stack->series.verifier = stack->step[0].series;
    find_terms(stack);
    return true;
}

static bool is_taken(const struct stack *stack, const struct stack_entry *step)
{
    for (const struct stack_entry *s = stack->step; s < step; s++)
        if (strcmp(s->name, step->name) == 0)
            return true;
    return false;
}

/* Several of a name are told apart by number: local, local-2. */
static bool name_step(struct stack *stack, struct stack_entry *step, struct metrics *metrics)
{
    size_t len = strlen(step->name);

    for (unsigned number = 2; is_taken(stack, step); number++)
        snprintf(step->name + len, sizeof(step->name) - len, "-%u", number);
    step->series = metrics_get(metrics, stack->service, step->name);
    return step->series != NULL;
}

/* What vouches for nobody must stand where that makes sense. */
static bool check_order(const struct stack *stack, const struct stack_entry_source *from,
                        struct problem *problem)
{
    const struct stack_entry *step = &stack->step[stack->steps - 1];
    bool vouched = false;

    for (const struct stack_entry *s = stack->step; s < step; s++)
        vouched = vouched || !stack_entry_only_narrows(s);
    if (stack_entry_only_narrows(step) && step->control == CONTROL_SUFFICIENT)
        return stack_entry_blame(from, problem, step->name,
                                 "it vouches for nobody, so it cannot be "
                                 "sufficient; make it requisite");
    if (step->narrows && !vouched)
        return stack_entry_blame(from, problem, step->name,
                                 "it looks at whom a value stands for: put it "
                                 "below a verifier that says so, such as local");
    return true;
}

/* -- what a client may do with the table ------------------------------------------------------ */

static bool must_pass(const struct stack_entry *step)
{
    return step->control == CONTROL_REQUIRED || step->control == CONTROL_REQUISITE;
}

/* Adds a requirement's scopes to those that a pass must have. */
static bool add_scopes(struct stack *stack, const struct stack_entry *step)
{
    struct slice more = step->verifier == &require_verifier ? require_scopes_only(step->instance) :
                                                              (struct slice){ NULL, 0 };
    char both[2 * sizeof(stack->scopes)];
    struct text set = text_in(stack->scopes, sizeof(stack->scopes) - 1);

    if (more.at == NULL || !must_pass(step))
        return false;
    int len = snprintf(both, sizeof(both), "%s%s%s", stack->scopes,
                       stack->scopes[0] != '\0' ? "," : "", more.at);
    if (scopes_normalise((struct slice){ both, (size_t)len }, &set) != NULL || set.cut)
        return false;
    set.at[set.len] = '\0';
    return true;
}

/* A throttle in front is no hindrance: who has the table sees more than he could guess. */
static void find_terms(struct stack *stack)
{
    size_t i = 0;

    while (i < stack->steps && stack->step[i].is_throttle)
        i++;
    bool throttled = i > 0;
    stack->terms = TERMS_NONE;
    if (i == stack->steps || stack->step[i].verifier != NULL)
        return;
    const struct stack_entry *local = &stack->step[i++];
    if (i == stack->steps) {
        stack->terms = throttled ? TERMS_HITS : TERMS_FINAL;
    } else if (local->control == CONTROL_SUFFICIENT) {
        stack->terms = TERMS_HITS;
    } else if (must_pass(local) && !throttled) {
        while (i < stack->steps && add_scopes(stack, &stack->step[i]))
            i++;
        if (i == stack->steps)
            stack->terms = TERMS_IF;
        else
            stack->scopes[0] = '\0';
    }
}
