/* SPDX-License-Identifier: Apache-2.0 */
/* jetond: read options and configuration, then run the daemon or, for --check, only check. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/journald.h"
#include "daemon/config/config_print.h"
#include "daemon/daemon.h"
#include "daemon/net/refusal.h"
#include "daemon/offline/check.h"
#include "daemon/offline/restore.h"
#include "daemon/process/exit_status.h"
#include "daemon/sandbox/sandbox.h"

static struct daemon_environment environment = { .source = { .file = CONFIG_DEFAULT_FILE } };
static enum check_extent check_extent = CHECK_NOTHING;
static bool print_only;
static const char *backup; /* of --restore */

static const char usage[] =
    "usage: jetond [--config FILE] [--set SECTION.KEY=VALUE]...\n"
    "              [--check | --check-config | --print-config | --restore FILE]\n"
    "\n"
    "Issues, lists, revokes and verifies API access tokens over Unix sockets.\n"
    "\n"
    "  --config FILE            read FILE instead of " CONFIG_DEFAULT_FILE "\n"
    "  --set SECTION.KEY=VALUE  change one setting, after the file was read\n"
    "  --check                  check configuration, verifiers and store, and exit\n"
    "  --check-config           the same without the store\n"
    "  --print-config           print all settings, as a configuration file, and exit\n"
    "  --restore FILE           put a backup in the place of the store, keep what that denied, and exit\n"
    "  --version, --help        show the version; show this text\n"
    "\n"
    "SIGHUP reads the configuration again; SIGTERM finishes what was accepted and exits.\n";

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

/* Return the exit status after all was printed. */
static int printed(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "jetond: cannot write to standard output: %s\n", strerror(errno));
    return EXIT_FAILURE;
}

static _Noreturn void print_and_exit(const char *text)
{
    fputs(text, stdout);
    exit(printed());
}

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, 's' },
    { "check", no_argument, NULL, 'k' },
    { "check-config", no_argument, NULL, 'K' },
    { "print-config", no_argument, NULL, 'p' },
    { "restore", required_argument, NULL, 'r' },
    { "version", no_argument, NULL, 'v' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static bool parse_options(int argc, char **argv)
{
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
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
        case 'K':
            check_extent = option == 'k' ? CHECK_ALL : CHECK_CONFIG;
            break;
        case 'p':
            print_only = true;
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

/* Log what libevent would write to standard error by itself. */
static void log_libevent(int severity, const char *message)
{
    if (severity >= EVENT_LOG_WARN)
        log_warning("libevent: %s", message);
}

/* Tell the clients why there will be no daemon; return the exit status. */
static int fail(const struct problem *problem)
{
    sd_notify_status(&environment.notify, "cannot start: %s", problem->message);
    refusal_serve(&environment.inherited, problem->message);
    sd_notify_close(&environment.notify);
    return exit_status_of(problem);
}

static int run(const struct config *config)
{
    struct problem problem;

    sandbox_secrets();
    journald_open();
    if (sodium_init() < 0) {
        log_error("libsodium has no source of randomness");
        return EXIT_FAILURE;
    }
    log_set_level(config->log_level);
    event_set_log_callback(log_libevent);
    config_log_overridden(&environment.source, config);
    bool ok = daemon_run(config, &environment, &problem);
    if (!ok)
        log_error("%s", problem.message);
    int status = ok ? EXIT_SUCCESS : fail(&problem);
    log_stop();
    sd_notify_close(&environment.notify);
    if (environment.threads_left)
        _exit(status); /* exit() would end libraries that these threads still use */
    return status;
}

static int log_faults(const struct config_faults *faults)
{
    for (size_t i = 0; i < faults->count && i < CONFIG_FAULTS_MAX; i++)
        log_error("%s", faults->fault[i].message);
    return fail(&faults->fault[0]);
}

/* Open /dev/null on those of descriptors 0 to 2 that are closed.  A file that is opened later would
 * get their number, and the log would be written into it. */
static bool open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || open("/dev/null", O_RDWR) == fd)
            continue;
        fprintf(stderr, "jetond: descriptor %d is closed, and /dev/null cannot be opened: %s\n", fd,
                strerror(errno));
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct config config;
    static struct config_faults faults;
    struct problem problem;

    if (!open_standard_streams())
        return EXIT_FAILURE;
    if (!parse_options(argc, argv)) {
        fputs(usage, stderr);
        return EXIT_WRONG_CONFIG;
    }
    log_open();
    if (!listen_fds_take(&environment.inherited, &problem)) {
        log_error("%s", problem.message);
        return EXIT_WRONG_CONFIG;
    }
    environment.source.inherited_roles = listen_fds_roles(&environment.inherited);
    config_load(&environment.source, &config, &faults);
    if (print_only && faults.count == 0) {
        config_print(&config);
        return printed();
    }
    if (check_extent != CHECK_NOTHING)
        return check(&config, &environment.source, check_extent, &faults);
    if (backup != NULL && faults.count == 0)
        return restore(&config);
    if (!print_only && backup == NULL)
        sd_notify_open(&environment.notify);
    return faults.count > 0 ? log_faults(&faults) : run(&config);
}
