/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/stack_entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/verifiers/require.h"
#include "daemon/verifiers/throttle.h"
#include "daemon/verify/module.h"
#include "proto/line.h"
#include "proto/stamp.h"

enum { WHY_MAX = 600 };

#define DEADLINE (INT64_C(900) * 1000000) /* just below libjeton's own second */
#define DEADLINE_MAX (INT64_C(10) * 1000000000)

/* An entry that is being opened. */
struct opening {
    struct stack_entry *entry;
    const struct stack_entry_source *from;
    struct problem *problem;
    uint64_t threads; /* 0: not given */
    uint64_t queue;
};

bool stack_entry_problem(const struct stack_entry_source *from, struct problem *problem,
                         const char *what, const char *why)
{
    config_blame_step(from->config, from->section, from->line, problem, "%.60s: %.150s", what, why);
    return false;
}

static bool fail(struct opening *o, const char *what, const char *why)
{
    return stack_entry_problem(o->from, o->problem, what, why);
}

/* The same of what may pass: trying again may help. */
static bool fail_for_now(struct opening *o, const char *what, const char *why)
{
    fail(o, what, why);
    o->problem->status = STATUS_INTERNAL;
    return false;
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

/* Read an argument that is for the pool.  False: it is for the verifier.  *fault stays NULL if its
 * value is right. */
static bool read_pool_argument(struct opening *o, const struct argument *a, const char **fault)
{
    *fault = NULL;
    if (slice_is(a->key, "deadline")) {
        if (!read_deadline(a->value, &o->entry->deadline))
            *fault = "deadline= should be 1ms to 10s, such as 800ms";
    } else if (slice_is(a->key, "threads")) {
        if (!number_parse(a->value, THREAD_POOL_THREADS_MAX, &o->threads) || o->threads == 0)
            *fault = "threads= should be a number from 1 to 64";
    } else if (slice_is(a->key, "queue")) {
        if (!number_parse(a->value, THREAD_POOL_QUEUE_MAX, &o->queue) || o->queue == 0)
            *fault = "queue= should be a number from 1 to 4096";
    } else {
        return false;
    }
    return true;
}

/* Write a NUL behind a slice of a split line, where there is a space, a quote or a NUL. */
static const char *as_string(struct slice s)
{
    ((char *)(uintptr_t)s.at)[s.len] = '\0';
    return s.at;
}

static bool find_verifier(struct opening *o, const char *name)
{
    static const struct jeton_verifier *const built_ins[] = {
        &require_verifier,
        &throttle_verifier,
    };
    struct problem why;

    for (size_t i = 0; i < sizeof(built_ins) / sizeof(built_ins[0]); i++)
        if (strcmp(name, built_ins[i]->name) == 0) {
            o->entry->verifier = built_ins[i];
            return true;
        }
    o->entry->verifier = module_load(o->from->config->verifiers, name, &o->entry->module, &why);
    if (o->entry->verifier != NULL)
        return true;
    config_blame_step(o->from->config, o->from->section, o->from->line, o->problem, "%s",
                      why.message);
    return false;
}

static bool has_pool(const struct jeton_verifier *v)
{
    return (v->flags & (JETON_VERIFIER_MAY_BLOCK | JETON_VERIFIER_COSTLY)) != 0;
}

/* Separate the arguments for the pool from the verifier's own, which it judges itself. */
static bool read_arguments(struct opening *o, const struct line *line, struct jeton_argument *given,
                           size_t *count)
{
    bool pooled = o->entry->verifier != NULL && has_pool(o->entry->verifier);
    const char *fault;

    *count = 0;
    for (size_t i = 1; i < line->count; i++) {
        const struct argument *a = &line->argument[i];
        if (a->key.len == 0)
            return fail(o, as_string(a->value), "this should be key=value");
        if (memchr(a->value.at, '\0', a->value.len) != NULL)
            return fail(o, as_string(a->key), "a NUL cannot be part of a value");
        if (!pooled || !read_pool_argument(o, a, &fault))
            given[(*count)++] = (struct jeton_argument){ as_string(a->key), as_string(a->value) };
        else if (fault != NULL)
            return fail(o, o->entry->verifier->name, fault);
        else if (line_get(line, as_string(a->key)).at != a->value.at)
            return fail(o, o->entry->verifier->name,
                        "deadline=, threads= and queue= each come once");
    }
    return true;
}

/* One thread for each CPU computes as fast as more. */
static uint64_t default_threads(const struct jeton_verifier *v)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if ((v->flags & JETON_VERIFIER_MAY_BLOCK) != 0 || cpus < 1)
        return THREAD_POOL_THREADS;
    return cpus < THREAD_POOL_THREADS_MAX ? (uint64_t)cpus : THREAD_POOL_THREADS_MAX;
}

/* The sandbox in force counts, not a configuration that is loaded later. */
static bool has_network(const struct opening *o)
{
    enum sandbox_reach reach = sandbox_reach();

    return reach == SANDBOX_NO_LIMIT ? o->from->config->network : reach == SANDBOX_NETWORK;
}

/* Check that a verifier can be of use under the sandbox that is in force. */
static bool check_connections(struct opening *o)
{
    if (sandbox_reach() != SANDBOX_NOBODY ||
        (o->entry->verifier->flags & JETON_VERIFIER_MAY_BLOCK) == 0)
        return true;
    return fail(o, o->entry->verifier->name,
                "restart jetond: when it started, no verifier needed connections, and the sandbox "
                "denies them until then");
}

static bool open_instance(struct opening *o, const struct jeton_argument *given, size_t count)
{
    struct stack_entry *entry = o->entry;
    char why[WHY_MAX] = "";

    if (!check_connections(o))
        return false;

    int failed = entry->verifier->open(&entry->instance, given, count, why, sizeof(why));
    why[sizeof(why) - 1] = '\0';
    if (failed == REQUIRE_LOOKUP_FAILED && entry->verifier == &require_verifier)
        return fail_for_now(o, entry->verifier->name, why);
    if (failed != 0)
        return fail(o, entry->verifier->name, why[0] != '\0' ? why : "it gives no reason");
    if (why[0] != '\0')
        log_warning("service %s, verifier %s: %s", o->from->section->name, entry->verifier->name,
                    why);
    entry->opened = true;
    entry->needs_groups = (entry->verifier->flags & JETON_VERIFIER_NO_GROUPS) == 0;
    entry->is_throttle = entry->verifier == &throttle_verifier;
    if (entry->verifier == &require_verifier) {
        entry->needs_identity = require_needs_identity(entry->instance);
        entry->needs_groups = require_needs_groups(entry->instance);
    }
    entry->on_pool = has_pool(entry->verifier);
    if (!entry->on_pool)
        return true;
    if (o->threads == 0)
        o->threads = default_threads(entry->verifier);
    entry->pool = thread_pool_new(entry->verifier, entry->instance, (unsigned)o->threads,
                                  (unsigned)o->queue);
    return entry->pool != NULL || fail_for_now(o, entry->verifier->name, "no threads for it");
}

/* Split the line in `text`: a verifier's name, then key=value. */
static bool split(struct opening *o, char *text, size_t size, struct line *line)
{
    const struct service_entry *from = o->from->line;
    const char *source = from->line != 0 ? service_config_text(&o->from->config->services, from) :
                                           "local";
    size_t len = strlen(source);
    const char *why;

    if (len >= size)
        return fail(o, "the line", "it is too long");
    memcpy(text, source, len + 1);
    if (line_parse(text, len, line, &why) != STATUS_OK)
        return fail(o, source, why);
    if (line->count > 0 && line->argument[0].key.len == 0)
        return true;
    return fail(o, control_name(from->control),
                "this should be the name of a verifier, then its arguments");
}

bool stack_entry_open(struct stack_entry *entry, const struct stack_entry_source *from,
                      struct problem *problem)
{
    struct opening o = { entry, from, problem, 0, THREAD_POOL_QUEUE };
    struct jeton_argument given[LINE_ARGUMENTS_MAX + 1];
    char text[LINE_MAX_BYTES + 1];
    struct line line;
    size_t count;

    entry->control = from->line->control;
    entry->deadline = DEADLINE;
    if (!split(&o, text, sizeof(text), &line))
        return false;
    const char *name = as_string(line.argument[0].value);
    bool local = strcmp(name, "local") == 0;
    if ((!local && !find_verifier(&o, name)) || !read_arguments(&o, &line, given, &count))
        return false;
    if (local && count > 0)
        return fail(&o, "local", "it takes no arguments");
    snprintf(entry->name, sizeof(entry->name), "%s", local ? "local" : entry->verifier->name);
    if (!local && (entry->verifier->flags & JETON_VERIFIER_NETWORK) != 0)
        given[count++] = (struct jeton_argument){ "network", has_network(&o) ? "yes" : "no" };
    return local || open_instance(&o, given, count);
}

void stack_entry_close(struct stack_entry *entry)
{
    if (entry->opened)
        entry->verifier->close(entry->instance);
    module_unload(entry->module);
}

bool stack_entry_never_identifies(const struct stack_entry *entry)
{
    return entry->verifier == &require_verifier || entry->verifier == &throttle_verifier;
}

/* -- the log --------------------------------------------------------------------------------- */

void stack_entry_log_failure(const char *service, struct stack_entry *entry,
                             enum verifier_failure kind, const char *format, ...)
{
    char what[256], more[LOG_LIMIT_MORE];
    va_list args;

    if (!log_limit_passes(&entry->log_limit[kind], more))
        return;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    log_warning("service %s, verifier %s: %s%s", service, entry->name, what, more);
}
