/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/stack.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/verifiers/require.h"
#include "proto/scopes.h"

static bool make_stack(struct stack *stack, const struct service_config *section,
                       const struct config *c, struct metrics *metrics, struct problem *problem);
static bool name_entry(struct stack *stack, struct stack_entry *entry, struct metrics *metrics);
static bool check_order(const struct stack *stack, const struct stack_entry_source *from,
                        struct problem *problem);
static void find_terms(struct stack *stack);

/* -- the set --------------------------------------------------------------------------------- */

/* Make the section [service other] for a configuration that has none. */
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
    bool ok = s->stack != NULL;
    for (size_t i = 0; i < from->count && ok; i++) {
        struct stack *stack = &s->stack[s->count++];
        ok = make_stack(stack, &from->section[i], c, metrics, problem);
        if (strcmp(stack->service, "other") == 0)
            s->other = stack;
    }
    if (ok && s->other == NULL) {
        s->other = &s->stack[s->count++];
        ok = make_stack(s->other, &other, c, metrics, problem);
    }
    if (ok)
        return s;
    while (!stacks_end(s, 1000))
        continue;
    stacks_free(s);
    return NULL;
}

const struct stack *stacks_find_named(const struct stacks *s, struct slice service)
{
    for (size_t i = 0; i < s->count; i++)
        if (slice_is(service, s->stack[i].service))
            return &s->stack[i];
    return s->other;
}

bool stacks_identify(const struct stacks *s)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t j = 0; j < s->stack[i].entries; j++) {
            const struct stack_entry *entry = &s->stack[i].entry[j];
            if (entry->verifier != NULL && !stack_entry_never_identifies(entry))
                return true;
        }
    return false;
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

bool stacks_may_connect(const struct stacks *s)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t n = 0; n < s->stack[i].entries; n++) {
            const struct jeton_verifier *v = s->stack[i].entry[n].verifier;
            if (v != NULL && (v->flags & JETON_VERIFIER_MAY_BLOCK) != 0)
                return true;
        }
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
        for (size_t j = 0; j < s->stack[i].entries; j++) {
            struct stack_entry *entry = &s->stack[i].entry[j];
            int64_t left = until - milliseconds_now();
            if (entry->pool != NULL && thread_pool_stop(entry->pool, left > 0 ? (int)left : 0))
                entry->pool = NULL;
            ended = ended && entry->pool == NULL;
        }
    return ended;
}

/* Tell all pools to end before waiting for the first; then wait for all of them together. */
bool stacks_end(struct stacks *s, int milliseconds)
{
    return end_pools(s, 0) || end_pools(s, milliseconds_now() + milliseconds);
}

void stacks_free(struct stacks *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++) {
        for (size_t j = 0; j < s->stack[i].entries; j++)
            stack_entry_close(&s->stack[i].entry[j]);
        free(s->stack[i].entry);
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
    stack->entry = calloc(section->steps, sizeof(*stack->entry));
    if (stack->series.service == NULL || stack->entry == NULL)
        return false;
    for (size_t i = 0; i < section->steps; i++) {
        struct stack_entry *entry = &stack->entry[stack->entries++];
        from.line = &section->step[i];
        if (!stack_entry_open(entry, &from, problem) || !check_order(stack, &from, problem) ||
            !name_entry(stack, entry, metrics))
            return false;
        stack->on_pool = stack->on_pool || entry->on_pool;
    }
    stack->table_only = stack->entries == 1 && stack->entry[0].verifier == NULL;
    if (stack->table_only)
        stack->series.verifier = stack->entry[0].series;
    find_terms(stack);
    return true;
}

static bool is_taken(const struct stack *stack, const struct stack_entry *entry)
{
    for (const struct stack_entry *s = stack->entry; s < entry; s++)
        if (strcmp(s->name, entry->name) == 0)
            return true;
    return false;
}

/* Give the entry a name of its own: local, local-2. */
static bool name_entry(struct stack *stack, struct stack_entry *entry, struct metrics *metrics)
{
    size_t len = strlen(entry->name);

    for (unsigned number = 2; is_taken(stack, entry); number++)
        snprintf(entry->name + len, sizeof(entry->name) - len, "-%u", number);
    entry->series = metrics_get(metrics, stack->service, entry->name);
    return entry->series != NULL;
}

/* Refuse an entry where its position or control word makes no sense. */
static bool check_order(const struct stack *stack, const struct stack_entry_source *from,
                        struct problem *problem)
{
    const struct stack_entry *entry = &stack->entry[stack->entries - 1];
    bool identified = false;

    for (const struct stack_entry *s = stack->entry; s < entry; s++)
        identified = identified || !stack_entry_never_identifies(s);
    if (stack_entry_never_identifies(entry) && entry->control == CONTROL_SUFFICIENT)
        return stack_entry_problem(
            from, problem, entry->name,
            "it never supplies an identity, so it cannot be sufficient; make it requisite");
    if (entry->needs_identity && !identified)
        return stack_entry_problem(
            from, problem, entry->name,
            "it judges the identity: put it below a verifier that supplies one, such as local");
    return true;
}

/* -- what a client may do with the table ------------------------------------------------------ */

static bool must_pass(const struct stack_entry *entry)
{
    return entry->control == CONTROL_REQUIRED || entry->control == CONTROL_REQUISITE;
}

/* Add an entry's scopes to those that a pass must have.  False: it is more than a requirement of
 * scopes, or these are too many. */
static bool add_scopes(struct stack *stack, const struct stack_entry *entry)
{
    struct slice more = entry->verifier == &require_verifier ?
                            require_scopes_only(entry->instance) :
                            (struct slice){ NULL, 0 };
    char both[2 * sizeof(stack->scopes)];
    struct text set = text_in(stack->scopes, sizeof(stack->scopes) - 1);

    if (more.at == NULL || !must_pass(entry))
        return false;
    int len = snprintf(both, sizeof(both), "%s%s%s", stack->scopes,
                       stack->scopes[0] != '\0' ? "," : "", more.at);
    if (scopes_normalise((struct slice){ both, (size_t)len }, &set) != NULL || set.cut)
        return false;
    set.at[set.len] = '\0';
    return true;
}

/* Find the terms.  A throttle in front still leaves hits: it prevents guessing, and a client that
 * has the table sees more than could be guessed. */
static void find_terms(struct stack *stack)
{
    size_t i = 0;

    while (i < stack->entries && stack->entry[i].is_throttle)
        i++;
    bool throttled = i > 0;
    stack->terms = TERMS_NONE;
    if (i == stack->entries || stack->entry[i].verifier != NULL)
        return;
    const struct stack_entry *local = &stack->entry[i++];
    if (i == stack->entries) {
        stack->terms = throttled ? TERMS_HITS : TERMS_FINAL;
    } else if (local->control == CONTROL_SUFFICIENT) {
        stack->terms = TERMS_HITS;
    } else if (must_pass(local) && !throttled) {
        while (i < stack->entries && add_scopes(stack, &stack->entry[i]))
            i++;
        if (i == stack->entries)
            stack->terms = TERMS_IF;
        else
            stack->scopes[0] = '\0';
    }
}
