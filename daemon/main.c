/* SPDX-License-Identifier: Apache-2.0 */
/* jetond: options, configuration, and what --check shows. */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/session/cmd_info.h"
#include "daemon/writer/load.h"
#include "daemon/base/journald.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/daemon.h"
#include "daemon/config/resolve.h"
#include "daemon/verify/stack.h"

enum { EXIT_USAGE = 2, SETTINGS_MAX = 64 };

static struct {
    const char *file; /* NULL: the default one, if it is there */
    const char *set[SETTINGS_MAX];
    size_t sets;
    bool check;
} options;

static struct daemon_environment start;

static const char usage[] =
    "usage: jetond [--config FILE] [--set section.key=value]... [--check]\n"
    "\n"
    "Issues, lists, revokes and verifies API access tokens over Unix sockets.\n"
    "\n"
    "  --config FILE          read FILE instead of " CONFIG_DEFAULT_FILE "\n"
    "  --set SECTION.KEY=VALUE  change one setting, after the file was read\n"
    "  --check                check configuration and store, and exit\n"
    "  --version, --help      say which version this is; show this text\n"
    "\n"
    "SIGHUP reads the configuration again; SIGTERM finishes what was accepted and exits.\n";

static bool configure(struct config *c, struct problem *problem)
{
    const char *file = options.file != NULL ? options.file : CONFIG_DEFAULT_FILE;

    config_defaults(c);
    if ((options.file != NULL || access(file, F_OK) == 0) && !config_read(c, file, problem))
        return false;
    for (size_t i = 0; i < options.sets; i++)
        if (!config_set(c, options.set[i], problem))
            return false;
    listen_fds_apply(&start.inherited, c);
    return true;
}

/* Looks only; a daemon may be using the store at the same time. */
static bool check_store(const struct config *c, struct problem *problem)
{
    if (access(c->store, F_OK) != 0) {
        printf("store %s: not there; it will be made at the first start\n", c->store);
        return true;
    }
    struct store *store = store_open(c->store, STORE_READ, problem);
    if (store == NULL && problem->status == STATUS_BUSY) {
        printf("%s; not checked\n", problem->message);
        return true;
    }
    struct journal *journal = journal_new(c->journal_entries);
    struct token_table *token_table = NULL;
    struct creation_index order = { .entry = NULL };
    bool well = store != NULL && journal != NULL &&
                load_store(store, c->prefix, journal, &token_table, &order, problem);
    if (well)
        printf("store %s: %llu tokens, journal entries %llu to %llu\n", c->store,
               (unsigned long long)journal_tokens(journal),
               (unsigned long long)journal_oldest(journal),
               (unsigned long long)journal_newest(journal));
    token_table_free(token_table);
    creation_index_free(&order);
    journal_free(journal);
    store_close(store);
    return well;
}

/* Opens all verifiers, and closes them. */
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
    struct resolved site;

    if (!resolve_config(c, &site, &problem) || !check_stacks(c, &problem) ||
        !check_store(c, &problem)) {
        fprintf(stderr, "jetond: %s\n", problem.message);
        return EXIT_FAILURE;
    }
    printf("configuration: well\n");
    return EXIT_SUCCESS;
}

static int parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 's' },
        { "check", no_argument, NULL, 'k' },        { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };

    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options.file = optarg;
            break;
        case 's':
            if (options.sets == SETTINGS_MAX)
                return EXIT_USAGE;
            options.set[options.sets++] = optarg;
            break;
        case 'k':
            options.check = true;
            break;
        case 'v':
            puts("jetond " JETON_VERSION);
            exit(EXIT_SUCCESS);
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            return EXIT_USAGE;
        }
    }
    return optind == argc ? EXIT_SUCCESS : EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct problem problem;
    static struct config config;

    if (parse_options(argc, argv) != EXIT_SUCCESS) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    log_open();
    if (!listen_fds_take(&start.inherited, &problem) || !configure(&config, &problem)) {
        fprintf(stderr, "jetond: %s\n", problem.message);
        return EXIT_USAGE;
    }
    if (options.check)
        return check(&config);
    sandbox_secrets();
    journald_open();
    sd_notify_open(&start.notify);
    if (sodium_init() < 0) {
        log_error("libsodium has no source of randomness");
        return EXIT_FAILURE;
    }
    log_set_level(config.log_level);
    bool well = daemon_run(&config, configure, &start, &problem);
    if (!well)
        log_error("%s", problem.message);
    sd_notify_close(&start.notify);
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
