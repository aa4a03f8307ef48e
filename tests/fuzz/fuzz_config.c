/* SPDX-License-Identifier: Apache-2.0 */
/* Read a configuration, and verify values with its stacks.  No module is loaded.
 *
 *     input = the file, then { NUL, "section.key=value" as for --set } */
#include "tests/fuzz/fuzz.h"

#include <grp.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config/config_file.h"
#include "daemon/verify/evaluation.h"
#include "daemon/base/log.h"
#include "daemon/verify/module.h"
#include "proto/scopes.h"
#include "proto/token.h"
#include "tests/fuzz/fake_clock.h"

#define GOOD "fuzzed-value-that-is-good-and-long-enough"
#define BAD "fuzzed-value-that-is-in-no-table-at-all---"
#define REVOKED "fuzzed-value-that-is-revoked-and-long-enough"

static struct token_table *token_table;

/* -- stubs -------------------------------------------------------------------------------- */

const struct jeton_verifier *module_load(const char *directory, const char *name, void **handle,
                                         struct problem *problem)
{
    *handle = NULL;
    MUST(directory[0] == '/');
    problem_set(problem, STATUS_BAD_VALUE, "%.100s: not here", name);
    return NULL;
}

void module_unload(void *handle)
{
    MUST(handle == NULL);
}

struct passwd *getpwnam(const char *name)
{
    (void)name;
    return NULL;
}

struct group *getgrnam(const char *name)
{
    (void)name;
    return NULL;
}

/* -- setup -------------------------------------------------------------------------------- */

static void add(const char *value, int64_t revoked)
{
    struct record r = { .serial = 1, .created = 1, .expires = TIME_NEVER, .revoked = revoked };

    token_digest(slice_of(value), r.digest);
    record_set_subject(&r, slice_of("alice"));
    record_set_scopes(&r, slice_of("read,write"));
    MUST(token_table_reserve(token_table, 1, r.subject_len + r.scopes_len) == 0);
    token_table_put(token_table, &r);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    MUST(sodium_init() >= 0);
    log_set_level((enum log_level)0);
    token_table = token_table_new("jtn", 0);
    MUST(token_table != NULL);
    add(GOOD, 0);
    add(REVOKED, 5);
    return 0;
}

/* -- limits of a configuration ------------------------------------------------------------ */

static bool is_path(const char *text, size_t buffer)
{
    return text[0] == '/' && memchr(text, '\0', buffer) != NULL;
}

static void check_config(const struct config *c)
{
    MUST(is_path(c->store, sizeof(c->store)) && is_path(c->verifiers, sizeof(c->verifiers)));
    MUST(token_prefix_valid(slice_of(c->prefix)) && c->workers <= 64 && c->journal_entries >= 100);
    MUST(c->activation_delay >= 0 && c->retention >= 0 && c->idle_timeout >= 0 &&
         c->line_timeout >= 0);
    MUST(c->max_connections >= 1 && c->max_connections_per_uid >= 1);
    for (int i = 0; i < ROLES; i++) {
        const struct config_role *r = &c->role[i];
        MUST(r->paths <= CONFIG_PATHS_MAX && r->mode <= 0777);
        for (unsigned k = 0; k < r->paths; k++)
            MUST(is_path(r->path[k], sizeof(r->path[k])));
        MUST(memchr(r->owner, '\0', sizeof(r->owner)) && memchr(r->group, '\0', sizeof(r->group)));
    }
    for (size_t i = 0; i < c->services.count; i++) {
        const struct service_config *s = &c->services.section[i];
        MUST(s->name[0] != '\0' && s->steps > 0 && s->steps <= SERVICE_ENTRIES_MAX);
        for (size_t k = 0; k < s->steps; k++)
            MUST(s->step[k].text < c->services.used && s->step[k].control < CONTROL_COUNT);
    }
}

static void check_problem(const struct problem *p)
{
    MUST(memchr(p->message, '\0', sizeof(p->message)) != NULL && p->message[0] != '\0');
}

/* -- verifying with its stacks ------------------------------------------------------------ */

static bool has_table_entry(const struct stack *stack)
{
    for (size_t i = 0; i < stack->entries; i++)
        if (stack->entry[i].verifier == NULL)
            return true;
    return false;
}

static bool is_ok(const struct stack *stack, const char *value, const char *scope)
{
    static const struct peercred peer = { .uid = 1000, .gid = 1000, .pid = 1 };
    static struct evaluation h;
    struct eval_context guarded = { .token_table = token_table, .peer = &peer };
    struct question q = { .value = slice_of(value) };
    char buffer[LINE_MAX_BYTES];
    struct text reply = text_in(buffer, sizeof(buffer));

    if (scope != NULL)
        q.scopes = slice_of(scope);
    eval_begin(&h, stack, &q, slice_of(stack->service), &guarded, fuzz_clock.wall);
    MUST(eval_continue(&h, &guarded));
    eval_finish(&h, 0, &reply);
    eval_wipe(&h);
    MUST(!reply.cut && reply.len > 0 && reply.at[reply.len - 1] == '\n');
    MUST(slice_begins(text_slice(&reply), "OK ") || slice_begins(text_slice(&reply), "NO ") ||
         slice_begins(text_slice(&reply), "ERR "));
    return slice_begins(text_slice(&reply), "OK ");
}

static bool has_scopes(struct slice wanted)
{
    return scopes_include((struct slice)SLICE("read,write"), wanted);
}

/* Check that only tokens of the table pass, and those that a client would accept by the table. */
static void check_stack(const struct stack *stack)
{
    MUST(stack->entries > 0 && stack->series.service != NULL && !stack->on_pool);
    MUST(!is_ok(stack, BAD, NULL) && !is_ok(stack, REVOKED, NULL) && !is_ok(stack, GOOD, "other"));
    bool ok = is_ok(stack, GOOD, NULL);
    MUST(!ok || has_table_entry(stack));
    MUST(!stack->table_only || stack->terms == TERMS_FINAL);
    if (stack->terms == TERMS_FINAL)
        MUST(ok);
    if (stack->terms == TERMS_IF)
        MUST(ok == has_scopes(slice_of(stack->scopes)));
}

static void check_stacks(const struct config *c, struct metrics *metrics)
{
    struct problem problem;
    struct stacks *s = stacks_new(c, metrics, &problem);

    if (s == NULL) {
        check_problem(&problem);
        return;
    }
    MUST(s->other != NULL && stacks_find(s, slice_of("")) == s->other);
    MUST(!stacks_terms_differ(s, s));
    for (size_t i = 0; i < s->count; i++) {
        MUST(stacks_find(s, slice_of(s->stack[i].service)) == &s->stack[i]);
        check_stack(&s->stack[i]);
    }
    MUST(stacks_end(s, 0));
    stacks_free(s);
}

/* -- reading the configuration ------------------------------------------------------------ */

static bool read_file(struct config *c, struct slice text, struct problem *problem)
{
    static struct config_faults faults;
    char path[64];
    int fd = memfd_create("fuzzed", MFD_CLOEXEC);

    faults.count = 0;
    MUST(fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    bool ok = config_file_read(c, path, &faults);
    MUST(ok == (faults.count == 0));
    for (size_t i = 0; i < faults.count && i < CONFIG_FAULTS_MAX; i++)
        check_problem(&faults.fault[i]);
    if (!ok)
        *problem = faults.fault[0];
    close(fd);
    return ok;
}

static bool set_all(struct config *c, struct slice rest, struct problem *problem)
{
    char assignment[1024];

    while (rest.len > 0) {
        const char *nul = memchr(rest.at + 1, '\0', rest.len - 1);
        size_t len = (nul != NULL ? (size_t)(nul - rest.at) : rest.len) - 1;
        snprintf(assignment, sizeof(assignment), "%.*s", (int)len, rest.at + 1);
        if (!config_set(c, assignment, problem))
            return false;
        rest = (struct slice){ rest.at + 1 + len, rest.len - 1 - len };
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static struct config c;
    const uint8_t *nul = len > 0 ? memchr(input, '\0', len) : NULL;
    size_t file = nul != NULL ? (size_t)(nul - input) : len;
    struct metrics metrics;
    struct problem problem;

    fuzz_clock.wall = 1800000000;
    fuzz_clock.uptime = 1000;
    fuzz_clock.frozen = true;
    config_defaults(&c);
    if (!read_file(&c, (struct slice){ (const char *)input, file }, &problem) ||
        !set_all(&c, (struct slice){ (const char *)input + file, len - file }, &problem)) {
        check_problem(&problem);
    } else {
        check_config(&c);
        metrics_init(&metrics, 1);
        check_stacks(&c, &metrics);
        metrics_free(&metrics);
    }
    fuzz_clock.frozen = false;
    return 0;
}
