/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/stack_entry.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/verify/module.h"
#include "daemon/verifiers/require.h"
#include "daemon/verifiers/throttle.h"
#include "proto/line.h"
#include "proto/stamp.h"

enum { COMPLAIN_EVERY = 10 }; /* seconds */

#define DEADLINE (INT64_C(900) * 1000000) /* just below libjeton's own second */
#define DEADLINE_MAX (INT64_C(10) * 1000000000)

/* A step under way. */
struct making {
    struct stack_entry *step;
    const struct stack_entry_source *from;
    struct problem *problem;
    uint64_t threads;
    uint64_t queue;
};

bool stack_entry_blame(const struct stack_entry_source *from, struct problem *problem,
                       const char *what, const char *why)
{
    config_blame_step(from->config, from->section, from->line, problem, "%.60s: %.150s", what, why);
    return false;
}

static bool blame(struct making *m, const char *what, const char *why)
{
    return stack_entry_blame(m->from, m->problem, what, why);
}

static bool read_deadline(struct slice value, int64_t *nanoseconds)
{
    uint64_t number;
    int64_t seconds;

    if (value.len > 2 && memcmp(value.at + value.len - 2, "ms", 2) == 0 &&
        number_parse((struct slice){ value.at, value.len - 2 }, 10000, &number))
        *nanoseconds = (int64_t)number * 1000000;
    else if (duration_parse(value, &seconds) && seconds <= 10)
        *nanoseconds = seconds * 1000000000;
    else
        return false;
    return *nanoseconds > 0 && *nanoseconds <= DEADLINE_MAX;
}

/* Takes one of the arguments that are jetond's own; *fault stays NULL if it is right. */
static bool take_own(struct making *m, const struct argument *a, const char **fault)
{
    *fault = NULL;
    if (slice_is(a->key, "deadline")) {
        if (!read_deadline(a->value, &m->step->deadline))
            *fault = "deadline= should be 1ms to 10s, such as 800ms";
    } else if (slice_is(a->key, "threads")) {
        if (!number_parse(a->value, THREAD_POOL_THREADS_MAX, &m->threads) || m->threads == 0)
            *fault = "threads= should be a number from 1 to 64";
    } else if (slice_is(a->key, "queue")) {
        if (!number_parse(a->value, THREAD_POOL_QUEUE_MAX, &m->queue) || m->queue == 0)
            *fault = "queue= should be a number from 1 to 4096";
    } else {
        return false;
    }
    return true;
}

/* The slices of a split line lie in `text` with something behind each that NULs may replace. */
static const char *as_string(struct slice s)
{
    ((char *)(uintptr_t)s.at)[s.len] = '\0';
    return s.at;
}

static bool find_verifier(struct making *m, const char *name)
{
    static const struct jeton_verifier *const built_ins[] = {
        &require_verifier,
        &throttle_verifier,
    };
    struct problem why;

    for (size_t i = 0; i < sizeof(built_ins) / sizeof(built_ins[0]); i++)
        if (strcmp(name, built_ins[i]->name) == 0) {
            m->step->verifier = built_ins[i];
            return true;
        }
    m->step->verifier = module_load(m->from->config->verifiers, name, &m->step->module, &why);
    if (m->step->verifier != NULL)
        return true;
    config_blame_step(m->from->config, m->from->section, m->from->line, m->problem, "%s",
                      why.message);
    return false;
}

/* Separates jetond's own arguments from the verifier's; the latter are its to judge. */
static bool take_arguments(struct making *m, const struct line *line, struct jeton_argument *given,
                           size_t *count)
{
    bool blocks = m->step->verifier != NULL &&
                  (m->step->verifier->flags & JETON_VERIFIER_MAY_BLOCK) != 0;
    const char *fault;

    *count = 0;
    for (size_t i = 1; i < line->count; i++) {
        const struct argument *a = &line->argument[i];
        if (a->key.len == 0)
            return blame(m, as_string(a->value), "this should be key=value");
        if (memchr(a->value.at, '\0', a->value.len) != NULL)
            return blame(m, as_string(a->key), "a NUL cannot be part of a value");
        if (!blocks || !take_own(m, a, &fault))
            given[(*count)++] = (struct jeton_argument){ as_string(a->key), as_string(a->value) };
        else if (fault != NULL)
            return blame(m, m->step->verifier->name, fault);
        else if (line_get(line, as_string(a->key)).at != a->value.at)
            return blame(m, m->step->verifier->name,
                         "deadline=, threads= and queue= each come once");
    }
    return true;
}

static bool open_instance(struct making *m, const struct jeton_argument *given, size_t count)
{
    struct stack_entry *step = m->step;
    char why[160] = "it does not say why";

    if (step->verifier->open(&step->instance, given, count, why, sizeof(why)) != 0) {
        why[sizeof(why) - 1] = '\0';
        return blame(m, step->verifier->name, why);
    }
    step->opened = true;
    if (step->verifier == &require_verifier)
        step->narrows = require_narrows(step->instance);
    step->is_throttle = step->verifier == &throttle_verifier;
    step->blocks = (step->verifier->flags & JETON_VERIFIER_MAY_BLOCK) != 0;
    if (!step->blocks)
        return true;
    step->pool = thread_pool_new(step->verifier, step->instance, (unsigned)m->threads,
                                 (unsigned)m->queue);
    return step->pool != NULL || blame(m, step->verifier->name, "no threads for it");
}

/* Splits the line in `text`: a verifier's name, then key=value. */
static bool split(struct making *m, char *text, size_t room, struct line *line)
{
    const struct service_entry *from = m->from->line;
    const char *source = from->line != 0 ? service_config_text(&m->from->config->services, from) :
                                           "local";
    size_t len = strlen(source);
    const char *why;

    if (len >= room)
        return blame(m, "the line", "it is too long");
    memcpy(text, source, len + 1);
    if (line_parse(text, len, line, &why) != STATUS_OK)
        return blame(m, source, why);
    if (line->count > 0 && line->argument[0].key.len == 0)
        return true;
    return blame(m, control_name(from->control),
                 "this should be the name of a verifier, then its "
                 "arguments");
}

bool stack_entry_open(struct stack_entry *step, const struct stack_entry_source *from,
                      struct problem *problem)
{
    struct making m = { step, from, problem, THREAD_POOL_THREADS, THREAD_POOL_QUEUE };
    struct jeton_argument given[LINE_ARGUMENTS_MAX];
    char text[LINE_MAX_BYTES + 1];
    struct line line;
    size_t count;

    step->control = from->line->control;
    step->deadline = DEADLINE;
    if (!split(&m, text, sizeof(text), &line))
        return false;
    const char *name = as_string(line.argument[0].value);
    bool local = strcmp(name, "local") == 0;
    if ((!local && !find_verifier(&m, name)) || !take_arguments(&m, &line, given, &count))
        return false;
    if (local && count > 0)
        return blame(&m, "local", "it takes no arguments");
    snprintf(step->name, sizeof(step->name), "%s", local ? "local" : step->verifier->name);
    return local || open_instance(&m, given, count);
}

void stack_entry_close(struct stack_entry *step)
{
    if (step->opened)
        step->verifier->close(step->instance);
    module_unload(step->module);
}

bool stack_entry_only_narrows(const struct stack_entry *step)
{
    return step->verifier == &require_verifier || step->verifier == &throttle_verifier;
}

/* -- complaints ------------------------------------------------------------------------------ */

void stack_entry_log_failure(const char *service, struct stack_entry *step,
                             enum verifier_failure kind, const char *format, ...)
{
    struct log_limit *hush = &step->hush[kind];
    char what[256];
    va_list args;

    int64_t now = clock_seconds(), until = atomic_load(&hush->until);
    if (now < until ||
        !atomic_compare_exchange_strong(&hush->until, &until, now + COMPLAIN_EVERY)) {
        atomic_fetch_add(&hush->held_back, 1);
        return;
    }
    uint64_t held_back = atomic_exchange(&hush->held_back, 0);
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (held_back > 0)
        log_warning("service %s, verifier %s: %s (and %llu more since the last such line)", service,
                    step->name, what, (unsigned long long)held_back);
    else
        log_warning("service %s, verifier %s: %s", service, step->name, what);
}
