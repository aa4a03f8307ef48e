/* SPDX-License-Identifier: Apache-2.0 */
/* Make stacks of configurations that are given as text; verifiers are those in the directory of
 * verifier_modules.h. */
#ifndef JETON_TESTS_CONFIGURED_STACK_H
#define JETON_TESTS_CONFIGURED_STACK_H

#include "tests/unit/support/config_text.h"
#include "tests/unit/support/verifier_modules.h"

#include "daemon/verify/stack.h"

static struct config config;
static struct problem problem;
static struct metrics metrics;
static struct stacks *stacks;

static bool read_text(const char *text)
{
    config_defaults(&config);
    snprintf(config.verifiers, sizeof(config.verifiers), "%s", directory);
    memset(&problem, 0, sizeof(problem));
    return read_config_text(&config, text, &problem);
}

static bool set(const char *assignment)
{
    return config_set(&config, assignment, &problem);
}

static const struct service_config *section(const char *name)
{
    for (size_t i = 0; i < config.services.count; i++)
        if (strcmp(config.services.section[i].name, name) == 0)
            return &config.services.section[i];
    fail_msg("there is no service %s", name);
    return NULL;
}

static const char *step_text(const char *name, size_t step)
{
    const struct service_config *s = section(name);

    assert_true(step < s->steps);
    return service_config_text(&config.services, &s->step[step]);
}

static void free_stacks(void)
{
    if (stacks != NULL)
        assert_true(stacks_end(stacks, 10000));
    stacks_free(stacks);
    stacks = NULL;
}

static bool make_all(void)
{
    free_stacks();
    memset(&problem, 0, sizeof(problem));
    stacks = stacks_new(&config, &metrics, &problem);
    return stacks != NULL;
}

static void make(const char *text)
{
    if (!read_text(text) || !make_all())
        fail_msg("%s", problem.message);
}

static const struct stack *stack(const char *service)
{
    return stacks_find(stacks, slice_of(service));
}

static void problem_has(const char *word)
{
    if (strstr(problem.message, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", problem.message, word);
}

/* Check that the text is refused, when it is read or when the stacks are made, with `word` at
 * `line`. */
static void is_refused(const char *text, unsigned line, const char *word)
{
    char at[16];

    if (read_text(text) && make_all())
        fail_msg("this was taken: %s", text);
    snprintf(at, sizeof(at), ":%u: ", line);
    problem_has(config.file);
    problem_has(at);
    problem_has(word);
}

static int set_up_stacks(void **state)
{
    metrics_init(&metrics, 1);
    return make_directory(state);
}

static int tear_down_stacks(void **state)
{
    free_stacks();
    metrics_free(&metrics);
    return remove_directory(state);
}

#define CONFIGURED(test) cmocka_unit_test_setup_teardown(test, set_up_stacks, tear_down_stacks)

#endif
