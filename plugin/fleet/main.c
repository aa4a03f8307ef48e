/* SPDX-License-Identifier: Apache-2.0 */
/* jeton-fleet: read the options, then run the agent or do what the word says. */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/fleet/agent.h"
#include "plugin/fleet/server_list.h"
#include "plugin/fleet/words.h"
#include "plugin/service/streams.h"

static struct config_source source = { .file = CONFIG_DEFAULT_FILE };
static struct config config;
static struct word_options words;

static const char usage[] =
    "usage: jeton-fleet [--config FILE] [--set fleet.KEY=VALUE]... [WORD]\n"
    "\n"
    "Keeps the fleet's tokens of this host's jetond like the database of the fleet.\n"
    "\n"
    "  run                  run the agent (if no word is given)\n"
    "  check                check the configuration\n"
    "  init                 make the schema of a fleet in the database\n"
    "  migrate              bring the schema up to date\n"
    "  status               show how far this host is, and the database\n"
    "  hosts                show all hosts of the fleet\n"
    "  join HOST --groups=A,B [--issuer]\n"
    "                       let HOST honour the tokens of groups; an issuer may make tokens\n"
    "  leave HOST           take that back, and end its sessions\n"
    "\n"
    "  --config FILE        read FILE instead of " CONFIG_DEFAULT_FILE "\n"
    "  --set fleet.KEY=VALUE\n"
    "                       change one setting, after the file was read\n"
    "  --database CONNINFO  for words that ask the database: connect by this instead\n"
    "  --migrations DIRECTORY\n"
    "                       for init and migrate: the files of the schema\n"
    "  --json               for status and hosts: a line of JSON for each\n"
    "  --version, --help    show the version; show this text\n";

enum { OPTION_DATABASE = 256, OPTION_MIGRATIONS, OPTION_GROUPS, OPTION_ISSUER, OPTION_JSON };

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, 's' },
    { "database", required_argument, NULL, OPTION_DATABASE },
    { "migrations", required_argument, NULL, OPTION_MIGRATIONS },
    { "groups", required_argument, NULL, OPTION_GROUPS },
    { "issuer", no_argument, NULL, OPTION_ISSUER },
    { "json", no_argument, NULL, OPTION_JSON },
    { "version", no_argument, NULL, 'v' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static bool add_assignment(const char *assignment)
{
    if (source.assignments == CONFIG_ASSIGNMENTS_MAX) {
        fprintf(stderr, "jeton-fleet: --set can be given at most %d times\n",
                CONFIG_ASSIGNMENTS_MAX);
        return false;
    }
    source.assignment[source.assignments++] = assignment;
    return true;
}

static bool take_option(int option)
{
    switch (option) {
    case 'c':
        source.file = optarg;
        source.file_required = true;
        return true;
    case 's':
        return add_assignment(optarg);
    case OPTION_DATABASE:
        words.database = optarg;
        return true;
    case OPTION_MIGRATIONS:
        words.migrations = optarg;
        return true;
    case OPTION_GROUPS:
        words.groups = optarg;
        return true;
    case OPTION_ISSUER:
        return words.issuer = true;
    case OPTION_JSON:
        return words.json = true;
    case 'v':
    case 'h':
        fputs(option == 'v' ? "jeton-fleet " JETON_VERSION "\n" : usage, stdout);
        exit(EXIT_OK);
    default:
        return false;
    }
}

static void warn_of_network(const struct config *c)
{
    if (server_list_is_unproven(c->database))
        log_write(LOG_WARNING,
                  "anybody on the network could be the database: name its authority by "
                  "sslrootcert, and set sslmode=verify-full in `database`");
}

static int run(const struct config *c, const struct word_options *o)
{
    (void)o;
    log_set_level(c->log_level);
    warn_of_network(c);
    return agent_run(c);
}

static int check(const struct config *c, const struct word_options *o)
{
    (void)o;
    if (c->database[0] == '\0')
        log_write(LOG_WARNING,
                  "no database is named: the agent would connect to what libpq has by default");
    warn_of_network(c);
    printf("configuration: OK, a lease of %llds, ", (long long)c->lease);
    if (c->keep > 0)
        printf("known tokens go on for %llds when cut off\n", (long long)c->keep);
    else
        printf("fleet tokens are refused when cut off\n");
    return EXIT_OK;
}

static int help(const struct config *c, const struct word_options *o)
{
    (void)c;
    (void)o;
    fputs(usage, stdout);
    return EXIT_OK;
}

static const struct word {
    const char *name;
    int (*run)(const struct config *c, const struct word_options *o);
    bool takes_host;
} table[] = {
    { "run", run, false },
    { "check", check, false },
    { "help", help, false },
    { "init", word_init, false },
    { "migrate", word_migrate, false },
    { "status", word_status, false },
    { "hosts", word_hosts, false },
    { "join", word_join, true },
    { "leave", word_leave, true },
};

static const struct word *find_word(const char *name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    fprintf(stderr, "jeton-fleet: %s: there is no such word\n", name);
    return NULL;
}

/* Return the word, or NULL if the arguments are wrong. */
static const struct word *parse(int argc, char **argv)
{
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take_option(option))
            return NULL;
    const struct word *word = find_word(optind < argc ? argv[optind++] : "run");
    if (word == NULL)
        return NULL;
    if (word->takes_host && optind < argc)
        words.host = argv[optind++];
    if (word->takes_host && words.host == NULL)
        fprintf(stderr, "jeton-fleet: %s: name a host\n", word->name);
    else if (optind < argc)
        fprintf(stderr, "jeton-fleet: %s: this is too much\n", argv[optind]);
    else
        return word;
    return NULL;
}

int main(int argc, char **argv)
{
    static struct config_faults faults;

    if (!streams_open() || sodium_init() < 0)
        return EXIT_FAILED;
    const struct word *word = parse(argc, argv);
    if (word == NULL) {
        fputs(usage, stderr);
        return EXIT_WRONG_CONFIG;
    }
    log_open("jeton-fleet");
    if (!config_load(&source, &config, &faults)) {
        for (unsigned i = 0; i < faults.count && i < CONFIG_FAULTS_MAX; i++)
            log_write(LOG_ERROR, "%s", faults.text[i]);
        return EXIT_WRONG_CONFIG;
    }
    return word->run(&config, &words);
}
