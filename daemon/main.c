/* SPDX-License-Identifier: Apache-2.0 */
/* jetond: read options and configuration, then run the daemon or, for --check, only check. */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/journald.h"
#include "daemon/config/config_load.h"
#include "daemon/config/resolve.h"
#include "daemon/daemon.h"
#include "daemon/restore.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/verify/stack.h"
#include "daemon/writer/load.h"

enum { EXIT_USAGE = 2 };

static struct daemon_environment environment = { .source = { .file = CONFIG_DEFAULT_FILE } };
static bool check_only;
static const char *backup; /* of --restore */

static const char usage[] =
    "usage: jetond [--config FILE] [--set SECTION.KEY=VALUE]... [--check | --restore FILE]\n"
    "\n"
    "Issues, lists, revokes and verifies API access tokens over Unix sockets.\n"
    "\n"
    "  --config FILE            read FILE instead of " CONFIG_DEFAULT_FILE "\n"
    "  --set SECTION.KEY=VALUE  change one setting, after the file was read\n"
    "  --check                  check configuration, verifiers and store, and exit\n"
    "  --restore FILE           put a backup in the place of the store, keep what that denied, and exit\n"
    "  --version, --help        show the version; show this text\n"
    "\n"
    "SIGHUP reads the configuration again; SIGTERM finishes what was accepted and exits.\n";

/* -- --check --------------------------------------------------------------------------------- */

/* Load the store read-only: a daemon may be using it at the same time. */
static bool check_store(const struct config *c, struct problem *problem)
{
    if (access(c->store, F_OK) != 0) {
        printf("store %s: does not exist yet; it will be created at the first start\n", c->store);
        return true;
    }
    struct store *store = store_open(c->store, STORE_READ, problem);
    if (store == NULL && problem->status == STATUS_BUSY) {
        printf("%s; not checked\n", problem->message);
        return true;
    }
    struct journal *journal = journal_new(c->journal_entries);
    struct token_table *token_table = NULL;
    struct creation_index index = { .entry = NULL };
    bool ok = store != NULL && journal != NULL &&
              load_store(store, c->prefix, journal, &token_table, &index, problem);
    if (ok)
        printf("store %s: %llu tokens, journal entries %llu to %llu\n", c->store,
               (unsigned long long)journal_tokens(journal),
               (unsigned long long)journal_oldest(journal),
               (unsigned long long)journal_newest(journal));
    token_table_free(token_table);
    creation_index_free(&index);
    journal_free(journal);
    store_close(store);
    return ok;
}

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

static int check(const struct config *c)
{
    struct problem problem;
    struct resolved resolved;

    if (!resolve_config(c, &resolved, &problem) || !check_stacks(c, &problem) ||
        !check_store(c, &problem)) {
        fprintf(stderr, "jetond: %s\n", problem.message);
        return EXIT_FAILURE;
    }
    printf("configuration: OK\n");
    return EXIT_SUCCESS;
}

/* -- options --------------------------------------------------------------------------------- */

static bool add_assignment(const char *assignment)
{
    struct config_source *source = &environment.source;

    if (source->assignments == CONFIG_ASSIGNMENTS_MAX) {
        fprintf(stderr, "jetond: --set can be given at most %d times\n", CONFIG_ASSIGNMENTS_MAX);
        return false;
    }
    source->assignment[source->assignments++] = assignment;
    return true;
}

static _Noreturn void print_and_exit(const char *text)
{
    fputs(text, stdout);
    exit(EXIT_SUCCESS);
}

static bool parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "set", required_argument, NULL, 's' },
        { "check", no_argument, NULL, 'k' },
        { "restore", required_argument, NULL, 'r' },
        { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };

    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            environment.source.file = optarg;
            environment.source.file_required = true;
            break;
        case 's':
            if (!add_assignment(optarg))
                return false;
            break;
        case 'k':
            check_only = true;
            break;
        case 'r':
            backup = optarg;
            break;
        case 'v':
            print_and_exit("jetond " JETON_VERSION "\n");
        case 'h':
            print_and_exit(usage);
        default:
            return false;
        }
    }
    if (optind < argc)
        fprintf(stderr, "jetond: %s: only options are allowed\n", argv[optind]);
    return optind == argc;
}

static int restore(const struct config *c)
{
    struct problem problem;

    if (sodium_init() >= 0 && restore_run(c, backup, &problem))
        return EXIT_SUCCESS;
    fprintf(stderr, "jetond: %s\n", problem.message);
    return EXIT_FAILURE;
}

/* -- the process ----------------------------------------------------------------------------- */

static int run(const struct config *config)
{
    struct problem problem;

    sandbox_secrets();
    journald_open();
    sd_notify_open(&environment.notify);
    if (sodium_init() < 0) {
        log_error("libsodium has no source of randomness");
        return EXIT_FAILURE;
    }
    log_set_level(config->log_level);
    bool ok = daemon_run(config, &environment, &problem);
    if (!ok)
        log_error("%s", problem.message);
    sd_notify_close(&environment.notify);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct problem problem;
    static struct config config;

    if (!parse_options(argc, argv)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    log_open();
    bool ok = listen_fds_take(&environment.inherited, &problem);
    environment.source.inherited_roles = listen_fds_roles(&environment.inherited);
    if (!ok || !config_load(&environment.source, &config, &problem)) {
        fprintf(stderr, "jetond: %s\n", problem.message);
        return EXIT_USAGE;
    }
    if (backup != NULL)
        return restore(&config);
    return check_only ? check(&config) : run(&config);
}
