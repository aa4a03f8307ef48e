/* SPDX-License-Identifier: Apache-2.0 */
/* jetond: read options and configuration, then run the daemon or, for --check, only check. */
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/journald.h"
#include "daemon/config/config_load.h"
#include "daemon/config/resolve.h"
#include "daemon/daemon.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/verify/stack.h"
#include "daemon/writer/load.h"

enum { EXIT_USAGE = 2 };

static struct daemon_environment environment = { .source = { .file = CONFIG_DEFAULT_FILE } };
static bool check_only;

static const char usage[] =
    "usage: jetond [--config FILE] [--set SECTION.KEY=VALUE]... [--check]\n"
    "\n"
    "Issues, lists, revokes and verifies API access tokens over Unix sockets.\n"
    "\n"
    "  --config FILE            read FILE instead of " CONFIG_DEFAULT_FILE "\n"
    "  --set SECTION.KEY=VALUE  change one setting, after the file was read\n"
    "  --check                  check configuration, verifiers and store, and exit\n"
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

static bool parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 's' },
        { "check", no_argument, NULL, 'k' },        { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
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
        case 'v':
            puts("jetond " JETON_VERSION);
            exit(EXIT_SUCCESS);
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            return false;
        }
    }
    if (optind < argc)
        fprintf(stderr, "jetond: %s: only options are allowed\n", argv[optind]);
    return optind == argc;
}

/* -- the process ----------------------------------------------------------------------------- */

/* Log what libevent would write to standard error by itself. */
static void log_libevent(int severity, const char *message)
{
    if (severity >= EVENT_LOG_WARN)
        log_warning("libevent: %s", message);
}

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
    event_set_log_callback(log_libevent);
    bool ok = daemon_run(config, &environment, &problem);
    if (!ok)
        log_error("%s", problem.message);
    log_stop();
    sd_notify_close(&environment.notify);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Open /dev/null on those of descriptors 0 to 2 that are closed.  A file that is opened later would
 * get their number, and the log would be written into it. */
static bool open_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

int main(int argc, char **argv)
{
    struct problem problem;
    static struct config config;

    if (!open_standard_streams())
        return EXIT_FAILURE;
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
    return check_only ? check(&config) : run(&config);
}
