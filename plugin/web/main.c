/* SPDX-License-Identifier: Apache-2.0 */
/* jeton-web: read the options, then serve the page. */
#include <getopt.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugin/service/streams.h"
#include "plugin/web/server.h"
#include "proto/limits.h"
#include "proto/stamp.h"

static struct settings settings = { .idle = 15 * 60, .browser = true };

static const char usage[] =
    "usage: jeton-web --socket PATH [--listen ADDRESS] [--origin ORIGIN] [--idle DURATION]\n"
    "                 [--no-browser] [--page DIRECTORY]\n"
    "\n"
    "Serves the page API Access Tokens on this machine, for who has the link that it prints.\n"
    "`jeton web` starts it with the socket that you may use.\n"
    "\n"
    "  --socket PATH      the socket of jetond that the page uses\n"
    "  --listen ADDRESS   127.0.0.1:PORT, [::1]:PORT, or the path of a Unix socket;\n"
    "                     otherwise a port of 127.0.0.1 that is free\n"
    "  --origin ORIGIN    where browsers find it, if that is elsewhere: http://127.0.0.1:8080\n"
    "  --idle DURATION    end after so long without use (default 15m; 0s: never)\n"
    "  --no-browser       do not open a browser\n"
    "  --page DIRECTORY   serve the page's files from there\n"
    "  --version, --help  show the version; show this text\n";

static const struct option options[] = {
    { "socket", required_argument, NULL, 's' },
    { "listen", required_argument, NULL, 'l' },
    { "origin", required_argument, NULL, 'o' },
    { "idle", required_argument, NULL, 'i' },
    { "no-browser", no_argument, NULL, 'n' },
    { "page", required_argument, NULL, 'p' },
    { "version", no_argument, NULL, 'v' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* Return NULL, or what is wrong with the argument. */
static const char *take(int option, const char *argument)
{
    switch (option) {
    case 's':
        settings.socket = argument;
        return argument[0] != '\0' ? NULL : "a path is needed";
    case 'p':
        settings.page = argument;
        return NULL;
    case 'l':
        return address_parse(argument, &settings.address);
    case 'o':
        return origin_parse(slice_of(argument), &settings.origin);
    default:
        return duration_parse(slice_of(argument), &settings.idle) ?
                   NULL :
                   "a duration is needed, such as 30s, 15m or 8h, or 0s for ever";
    }
}

static bool parse_options(int argc, char **argv)
{
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == '?')
            return false;
        if (option == 'v' || option == 'h') {
            fputs(option == 'v' ? "jeton-web " JETON_VERSION "\n" : usage, stdout);
            exit(EXIT_OK);
        }
        if (option == 'n') {
            settings.browser = false;
            continue;
        }
        const char *fault = take(option, optarg);
        if (fault != NULL) {
            fprintf(stderr, "jeton-web: %s: %s\n", optarg, fault);
            return false;
        }
    }
    return true;
}

/* Return NULL, or what is missing. */
static const char *check_options(int argc)
{
    if (optind < argc)
        return "only options are allowed";
    if (settings.socket == NULL)
        return "--socket is missing; or start it by jeton web";
    if (address_is_local(&settings.address) && settings.origin.len == 0)
        return "with a Unix socket, --origin is needed: where will a browser find the page?";
    return NULL;
}

/* The page beside the program, as in the tree that it was built in, or else the installed one. */
static const char *default_page(void)
{
    static char path[PATH_MAX + sizeof("/web")];
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);

    if (len > 0) {
        path[len] = '\0';
        strcpy(strrchr(path, '/'), "/web");
        if (access(path, F_OK) == 0)
            return path;
    }
    return PAGE_DIRECTORY;
}

int main(int argc, char **argv)
{
    if (!streams_open() || sodium_init() < 0)
        return EXIT_UNAVAILABLE;
    address_parse("127.0.0.1:0", &settings.address);
    const bool parsed = parse_options(argc, argv);
    const char *missing = parsed ? check_options(argc) : NULL;
    if (missing != NULL)
        fprintf(stderr, "jeton-web: %s\n", missing);
    if (!parsed || missing != NULL) {
        fputs(usage, stderr);
        return EXIT_WRONG_USAGE;
    }
    if (settings.page == NULL)
        settings.page = default_page();
    return server_run(&settings);
}
