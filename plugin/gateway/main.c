/* SPDX-License-Identifier: Apache-2.0 */
/* jeton-gateway: read the options, then run the gateway or, for --check, only check. */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/gateway/gateway.h"
#include "plugin/service/streams.h"

static struct config_source source = { .file = CONFIG_DEFAULT_FILE };
static bool check_only;

static const char usage[] =
    "usage: jeton-gateway [--config FILE] [--set SECTION.KEY=VALUE]... [--check]\n"
    "\n"
    "Answers HTTP requests of proxies: is the token in them good for a site?\n"
    "\n"
    "  --config FILE            read FILE instead of " CONFIG_DEFAULT_FILE "\n"
    "  --set SECTION.KEY=VALUE  change one setting, after the file was read\n"
    "  --check                  check the configuration, and exit\n"
    "  --version, --help        show the version; show this text\n"
    "\n"
    "SIGHUP reads the configuration again; SIGTERM answers what has come and exits.\n";

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 's' },
    { "check", no_argument, NULL, 'k' },        { "version", no_argument, NULL, 'v' },
    { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
};

static bool add_assignment(const char *assignment)
{
    const unsigned most = sizeof(source.assignment) / sizeof(source.assignment[0]);

    if (source.assignments == most) {
        fprintf(stderr, "jeton-gateway: --set can be given at most %u times\n", most);
        return false;
    }
    source.assignment[source.assignments++] = assignment;
    return true;
}

static bool parse_options(int argc, char **argv)
{
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            source.file = optarg;
            source.file_required = true;
            break;
        case 's':
            if (!add_assignment(optarg))
                return false;
            break;
        case 'k':
            check_only = true;
            break;
        case 'v':
        case 'h':
            fputs(option == 'v' ? "jeton-gateway " JETON_VERSION "\n" : usage, stdout);
            exit(EXIT_OK);
        default:
            return false;
        }
    }
    if (optind < argc)
        fprintf(stderr, "jeton-gateway: %s: only options are allowed\n", argv[optind]);
    return optind == argc;
}

int main(int argc, char **argv)
{
    static struct listen_fds inherited;

    if (!streams_open() || sodium_init() < 0)
        return EXIT_FAILED;
    if (!parse_options(argc, argv)) {
        fputs(usage, stderr);
        return EXIT_WRONG_CONFIG;
    }
    log_open("jeton-gateway");
    if (check_only)
        return gateway_check(&source);
    const char *fault = listen_fds_take(&inherited);
    if (fault != NULL) {
        log_write(LOG_ERROR, "%s", fault);
        return EXIT_WRONG_CONFIG;
    }
    return gateway_run(&source, &inherited);
}
