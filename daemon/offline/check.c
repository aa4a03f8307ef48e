/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/offline/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/config/resolve.h"
#include "daemon/offline/systemd_unit.h"
#include "daemon/process/exit_status.h"
#include "daemon/verify/stack.h"
#include "daemon/writer/load.h"

/* -- verifiers ------------------------------------------------------------------------------- */

/* Open all verifiers, and close them again. */
static bool check_stacks(const struct config *c, struct problem *problem)
{
    struct metrics metrics;

    metrics_init(&metrics, 1);
    struct stacks *stacks = stacks_new(c, &metrics, problem);
    if (stacks != NULL) {
        while (!stacks_end(stacks, 1000))
            continue;
        stacks_free(stacks);
    }
    metrics_free(&metrics);
    return stacks != NULL;
}

/* Stands for an entry that is missing or wrong: it fits everywhere. */
static const struct service_entry local = { .control = CONTROL_SUFFICIENT };

/* Open one service's stack; if that fails, do so entry by entry, to find all that are wrong.  Those
 * are replaced by the table, so that none is blamed for another. */
static void check_service(struct config *one, struct config_faults *faults)
{
    struct service_config *section = &one->services.section[0];
    size_t steps = section->steps;
    struct problem problem;

    if (check_stacks(one, &problem))
        return;
    for (section->steps = 1; section->steps <= steps; section->steps++)
        if (!check_stacks(one, &problem)) {
            config_fault_add(faults, &problem);
            section->step[section->steps - 1] = local;
        }
}

/* Open each entry of a stack that is not complete: their order cannot be judged. */
static void check_entries(struct config *one, const struct service_config *section,
                          struct config_faults *faults)
{
    struct service_config *copy = &one->services.section[0];
    struct problem problem;

    copy->steps = 2;
    copy->step[0] = local;
    for (size_t i = 0; i < section->steps; i++) {
        copy->step[1] = section->step[i];
        if (!section->step[i].cut && !check_stacks(one, &problem))
            config_fault_add(faults, &problem);
    }
}

static void check_services(const struct config *c, struct config_faults *faults)
{
    static struct config one;

    for (size_t i = 0; i < c->services.count; i++) {
        const struct service_config *section = &c->services.section[i];
        one = *c;
        one.services.count = 1;
        one.services.section[0] = *section;
        if (section->faulty)
            check_entries(&one, section, faults);
        else
            check_service(&one, faults);
    }
}

/* -- the store ------------------------------------------------------------------------------- */

/* Load the store read-only: a daemon may be using it at the same time. */
static bool load(const struct config *c, struct store *store, struct problem *problem)
{
    struct journal *journal = journal_new(c->journal_entries);
    struct token_table *token_table = NULL;
    struct creation_index index = { .entry = NULL };
    uint64_t bans = 0;
    bool ok = journal != NULL &&
              load_store(store, c->prefix, journal, &token_table, &index, &bans, problem);

    if (journal == NULL)
        problem_set(problem, STATUS_INTERNAL, "no memory");
    if (ok)
        printf("store %s: %llu tokens, %llu bans, journal entries %llu to %llu%s\n", c->store,
               (unsigned long long)journal_tokens(journal), (unsigned long long)bans,
               (unsigned long long)journal_oldest(journal),
               (unsigned long long)journal_newest(journal),
               store_is_shared(store) ? "; a daemon is using it" : "");
    token_table_free(token_table);
    creation_index_free(&index);
    journal_free(journal);
    return ok;
}

static bool check_store(const struct config *c, struct problem *problem)
{
    struct stat st;

    if (stat(c->store, &st) < 0 && errno == ENOENT) {
        printf("store %s: does not exist yet; it will be created at the first start\n", c->store);
        return true;
    }
    struct store *store = store_open(c->store, STORE_READ, problem);
    bool ok = store != NULL && load(c, store, problem);
    if (store == NULL && problem->status == STATUS_BUSY) {
        printf("%s; not checked\n", problem->message);
        ok = true;
    }
    store_close(store);
    return ok;
}

/* -- the unit -------------------------------------------------------------------------------- */

/* Check that the unit lets the daemon write where its configuration says.  Another file than the
 * unit's may be for another daemon: then only say so. */
static void check_unit(const struct config *c, const struct config_source *source,
                       struct config_faults *faults)
{
    struct problem problem;
    char directory[PATH_MAX];

    if (systemd_unit_may_write(c->store, directory))
        return;
    config_blame(c, "daemon", "store", &problem,
                 "jetond.service may not write there: systemctl edit jetond, and add [Service] "
                 "ReadWritePaths=%.60s",
                 directory);
    if (!source->file_required)
        config_fault_add(faults, &problem);
    else
        printf("note: %s\n", problem.message);
}

static void print_faults(const struct config_faults *faults)
{
    for (size_t i = 0; i < faults->count && i < CONFIG_FAULTS_MAX; i++)
        fprintf(stderr, "jetond: %s\n", faults->fault[i].message);
    if (faults->count > CONFIG_FAULTS_MAX)
        fprintf(stderr, "jetond: and %zu more\n", faults->count - CONFIG_FAULTS_MAX);
}

/* True unless all that was found may pass, such as a name service that does not answer. */
static bool any_wrong(const struct config_faults *faults)
{
    for (size_t i = 0; i < faults->count && i < CONFIG_FAULTS_MAX; i++)
        if (exit_status_of(&faults->fault[i]) == EXIT_WRONG_CONFIG)
            return true;
    return faults->count > CONFIG_FAULTS_MAX;
}

int check(const struct config *c, const struct config_source *source, enum check_extent extent,
          struct config_faults *faults)
{
    struct problem problem;
    struct resolved resolved;
    bool store_ok = true;

    if (!faults->unreadable) {
        resolve_all(c, &resolved, faults);
        check_services(c, faults);
    }
    if (extent == CHECK_ALL && !faults->unreadable && !config_key_refused(c, "daemon", "store")) {
        check_unit(c, source, faults);
        store_ok = check_store(c, &problem);
    }
    print_faults(faults);
    if (!store_ok)
        fprintf(stderr, "jetond: %s\n", problem.message);
    if (faults->count == 0 && store_ok)
        printf("configuration: OK\n");
    return any_wrong(faults)              ? EXIT_WRONG_CONFIG :
           faults->count == 0 && store_ok ? EXIT_SUCCESS :
                                            EXIT_FAILURE;
}
