/* SPDX-License-Identifier: Apache-2.0 */
/* The jeton command: its options, and its table of verbs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "plugin/cli/backup.h"
#include "plugin/cli/complete.h"
#include "plugin/cli/fleet.h"
#include "plugin/cli/help.h"
#include "plugin/cli/id_prefix.h"
#include "plugin/cli/import.h"
#include "plugin/cli/many.h"
#include "plugin/cli/options.h"
#include "plugin/cli/show.h"
#include "plugin/cli/stats.h"
#include "plugin/cli/trace.h"
#include "plugin/cli/user.h"
#include "plugin/cli/watch.h"
#include "plugin/cli/web.h"
#include "plugin/cli/when.h"

enum { TIMEOUT_DEFAULT = 60 }; /* seconds */

static enum cli_exit run_help(struct cli_request *c, const struct cli_view *view);

/* In the order in which `jeton help` shows them. */
static const struct cli_verb verbs[] = {
    { .verb = VERB_CREATE,
      .run = cli_show_secret,
      .view = &cli_view_tokens,
      .prints_value = true,
      .note = "If standard output is no terminal, the value alone goes there: "
              "TOKEN=$(jeton create ...)\n" },
    { .verb = VERB_LIST, .run = cli_show_rows, .view = &cli_view_tokens },
    { .verb = VERB_SHOW, .run = cli_show_object, .view = &cli_view_tokens },
    { .verb = VERB_VERIFY,
      .run = cli_show_object,
      .view = &cli_view_verdict,
      .value = CLI_VALUE_ALWAYS,
      .usage = "verify [scope=a,b] [subject=NAME] [service=NAME] [client=TEXT]" },
    { .verb = VERB_ID,
      .run = cli_show_object,
      .view = &cli_view_id,
      .value = CLI_VALUE_ALWAYS,
      .usage = "id" },
    { .verb = VERB_REVOKE,
      .run = cli_many_change,
      .view = &cli_view_tokens,
      .value = CLI_VALUE_OPTIONAL,
      .usage =
          "revoke ID | revoke --value | revoke FILTER... [count=N]; [confirm=all] [wait=DURATION]",
      .note =
          "Revoking by ID or FILTER needs the admin socket; by ID of your own tokens, the self socket.\n" },
    { .verb = VERB_DISABLE, .run = cli_many_change, .view = &cli_view_tokens },
    { .verb = VERB_ENABLE, .run = cli_many_change, .view = &cli_view_tokens },
    { .verb = VERB_UPDATE, .run = cli_many_change, .view = &cli_view_tokens },
    { .verb = VERB_ROTATE,
      .run = cli_show_secret,
      .view = &cli_view_tokens,
      .prints_value = true,
      .note = "If standard output is no terminal, the value alone goes there.\n" },
    { .verb = VERB_DELETE, .run = cli_many_change, .view = &cli_view_tokens },
    { .verb = VERB_BAN,
      .usage =
          "ban --value | digest=HEX [digest_alg=sha256] | issuer=NAME id=ID [ttl=DURATION|expires=TIME] [created=TIME]",
      .run = cli_show_object,
      .view = &cli_view_tokens,
      .value = CLI_VALUE_OPTIONAL },
    { .verb = VERB_IMPORT,
      .run = cli_import,
      .view = &cli_view_tokens,
      .value = CLI_VALUE_OPTIONAL,
      .usage =
          "import digest=HEX [digest_alg=sha256] | --value [created=TIME] [by=uid:N] [owner=uid:N] [used=TIME] [state=active|revoked|disabled] [revoked=TIME] [disabled=TIME] "
          "[replaces=ID] [own_end=TIME|never] [rotated=TIME] [signed=HEX] [revoked_by=uid:N] [disabled_by=uid:N] [replaced_by=ID] [rotated_end=TIME|never] [create's keys]",
      .note =
          "Without arguments, lines of an export are read from standard input; --format=NAME: a list.\n" },
    { .verb = VERB_EXPORT, .run = cli_show_lines, .view = &cli_view_tokens },
    { .verb = VERB_JOURNAL, .run = cli_show_rows, .view = &cli_view_entries },
    { .verb = VERB_WATCH,
      .run = cli_watch,
      .view = &cli_view_entries,
      .summary = "what changes, as it happens",
      .note = "Continues through restarts of the daemon until it is interrupted.\n" },
    { .verb = VERB_TRACE,
      .run = cli_trace,
      .view = &cli_view_trace,
      .value = CLI_VALUE_ALWAYS,
      .usage = "trace" },
    { .verb = VERB_COUNT,
      .name = "web",
      .run = cli_web,
      .usage = "web [--listen ADDRESS] [--origin ORIGIN] [--idle DURATION] [--no-browser]",
      .summary = "show the page API Access Tokens in a browser",
      .note =
          "Prints a link that is as good as your rights on the socket, and serves the page until Ctrl-C; see\n"
          "jeton-web(1).  Uses the admin, else the self, else the observe socket.\n" },
    { .verb = VERB_COUNT,
      .name = "fleet",
      .run = cli_fleet,
      .usage =
          "fleet init|migrate|status|hosts|check | fleet join HOST --groups a,b [--issuer] | fleet leave HOST",
      .summary = "administer the database of a fleet of hosts",
      .note =
          "jeton fleet help lists its words and options; see jeton-fleet(8).  init, migrate, join and leave need the\n"
          "rights of its owner: --database gives a connection that has them.\n" },
    { .verb = VERB_STATS,
      .run = cli_stats,
      .view = &cli_view_stats,
      .note = "With --prometheus, in Prometheus' text format, as for node_exporter's textfile "
              "collector.\n" },
    { .verb = VERB_POLICY, .run = cli_show_rows, .view = &cli_view_policies },
    { .verb = VERB_CHECKPOINT, .run = cli_show_object },
    { .verb = VERB_COUNT,
      .name = "backup",
      .run = cli_backup,
      .usage = "backup FILE|-",
      .summary = "write a copy of the store, while the daemon runs",
      .note =
          "FILE is replaced when the copy is whole; - is standard output.  jetond --restore takes it.\n"
          "Granted on the admin socket.\n" },
    { .verb = VERB_HELLO, .run = cli_show_object },
    { .verb = VERB_HELP, .run = run_help, .summary = "list the verbs, or explain one" },
    { .verb = VERB_PING, .run = cli_show_object },
};
enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static bool stdout_was_closed;
static struct cli_request cli = {
    .connection = { .fd = -1, .descriptor = -1, .timeout = TIMEOUT_DEFAULT * 1000 }
};

static void prepare_process(void);
static enum cli_exit run(struct cli_request *c);

static void clean_up(void)
{
    cli_message_progress_end();
    cli_request_free(&cli);
}

int main(int argc, char **argv)
{
    prepare_process();
    if (argc > 1 && strcmp(argv[1], "--complete") == 0)
        return cli_complete(&cli, verbs, VERBS);
    if (argc > 1 && strcmp(argv[1], "fleet") == 0)
        return cli_fleet_become(argv + 2);
    enum cli_exit status = cli_options_parse(&cli, argv + (argc > 0));
    return status == CLI_EXIT_YES ? run(&cli) : status;
}

/* -- the process ------------------------------------------------------------------------------ */

/* Open the descriptors 0 to 2 if they are closed, so that no other file gets their numbers. */
static void open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        stdout_was_closed = stdout_was_closed || fd == STDOUT_FILENO;
        if (open("/dev/null", O_RDWR) < 0)
            exit(CLI_EXIT_UNAVAILABLE);
    }
}

/* Forbid tracing this process and dumping its core, as values pass through its memory. */
static void prepare_process(void)
{
    const struct rlimit none = { 0, 0 };

    open_standard();
    setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its leak detector attaches to the process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
    cli_escape_setup();
    atexit(clean_up);
    signal(SIGPIPE, SIG_DFL);
    if (sodium_init() < 0)
        exit(CLI_EXIT_UNAVAILABLE);
}

/* -- verbs ------------------------------------------------------------------------------------ */

static const struct cli_verb *verb_find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(name, cli_verb_name(&verbs[i])) == 0)
            return &verbs[i];
    return NULL;
}

/* True if an argument looks like a token's value: by its position, its key or its length. */
static bool is_value(const struct cli_verb *verb, const char *argument)
{
    size_t key = cli_request_key_length(argument);

    if (key > 0)
        return slice_is((struct slice){ argument, key }, key_name(KEY_TOKEN));
    return verb->value == CLI_VALUE_ALWAYS || strlen(argument) >= VALUE_MIN;
}

/* Take the word `token`, given instead of a value, for --value; and the name of a filter alone. */
static void take_words(struct cli_request *c, const struct cli_verb *verb)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->arguments; i++) {
        const char *argument = cli_many_argument(verb->verb, c->argument[i]);
        if (verb->value != CLI_VALUE_NEVER && strcmp(c->argument[i], key_name(KEY_TOKEN)) == 0)
            c->read_value = true;
        else
            c->argument[kept++] = argument != NULL ? argument : c->argument[i];
    }
    c->arguments = kept;
}

/* Check options that are of a few verbs only. */
static enum cli_exit check_options(const struct cli_request *c, const struct cli_verb *verb)
{
    bool imports = c->partial || c->import_format != NULL;
    bool web = c->web.listen != NULL || c->web.origin != NULL || c->web.idle != NULL ||
               c->web.no_browser;

    if ((c->prometheus && verb->verb != VERB_STATS) || (imports && verb->verb != VERB_IMPORT))
        cli_message("%s only", imports ? "--format and --partial are options of import" :
                                         "--prometheus is an option of stats");
    else if (stdout_was_closed && verb->run == cli_backup && c->arguments == 1 &&
             strcmp(c->argument[0], "-") == 0)
        cli_message("standard output is closed: the backup would be lost");
    else if (web && verb->run != cli_web)
        cli_message("--listen, --origin, --idle and --no-browser are options of web only");
    else
        return CLI_EXIT_YES;
    return CLI_EXIT_USAGE;
}

static enum cli_exit check_arguments(struct cli_request *c, const struct cli_verb *verb)
{
    take_words(c, verb);
    for (size_t i = 0; i < c->arguments; i++) {
        if (!is_value(verb, c->argument[i]))
            continue;
        cli_message(
            "a token's value must not be an argument: arguments are shown in the list of "
            "processes and in the shell's history.\nGive it on standard input, or wait to be "
            "asked.  If you have just given a token's value, replace that token.");
        return CLI_EXIT_USAGE;
    }
    if (c->read_value && verb->value == CLI_VALUE_NEVER) {
        cli_message("%s reads no value: omit --value", verb_row(verb->verb)->name);
        return CLI_EXIT_USAGE;
    }
    if (check_options(c, verb) != CLI_EXIT_YES)
        return CLI_EXIT_USAGE;
    if (c->csv && (verb->prints_value || verb->verb == VERB_EXPORT)) {
        cli_message("%s has no form for spreadsheets: omit --csv", verb_row(verb->verb)->name);
        return CLI_EXIT_USAGE;
    }
    if (verb->prints_value && stdout_was_closed) {
        cli_message("standard output is closed: the value would be lost");
        return CLI_EXIT_USAGE;
    }
    c->read_value = c->read_value || verb->value == CLI_VALUE_ALWAYS;
    cli_when_rewrite(c);
    return cli_user_rewrite(c);
}

static enum cli_exit run_help(struct cli_request *c, const struct cli_view *view)
{
    (void)view;
    return cli_help(c, verbs, VERBS);
}

/* Connect before asking for a value, so that nobody is asked in vain. */
static enum cli_exit run_verb(struct cli_request *c, const struct cli_verb *verb)
{
    enum cli_exit status = check_arguments(c, verb);

    if (status == CLI_EXIT_YES && verb->run != run_help)
        status = cli_request_connect(c);
    if (status == CLI_EXIT_YES)
        status = cli_id_prefix_resolve(c);
    if (status == CLI_EXIT_YES)
        status = cli_request_build(c);
    if (status == CLI_EXIT_YES)
        status = verb->run(c, verb->view);
    cli_output_end_page(&c->output);
    return status;
}

static enum cli_exit run(struct cli_request *c)
{
    const struct cli_verb *verb = c->arguments > 0 ? verb_find(c->argument[0]) : NULL;

    cli_output_init(&c->output, cli_options_form(c));
    if (c->version) {
        cli_buffer_adds(&c->output.bytes, "jeton " JETON_VERSION "\n");
        cli_output_flush(&c->output);
        return CLI_EXIT_YES;
    }
    if (c->help && (c->arguments == 0 || verb != NULL)) {
        run_help(c, NULL);
        cli_output_end_page(&c->output);
        return CLI_EXIT_YES;
    }
    if (c->arguments == 0)
        fprintf(stderr, "%sSee jeton help.\n", cli_help_usage);
    else if (verb == NULL)
        cli_help_no_verb(c->argument[0], verbs, VERBS);
    if (verb == NULL)
        return CLI_EXIT_USAGE;
    c->verb = verb->verb;
    c->usage = verb->usage;
    c->argument++;
    c->arguments--;
    if (verb->verb < VERB_COUNT)
        return run_verb(c, verb);
    return check_options(c, verb) == CLI_EXIT_YES ? verb->run(c, NULL) : CLI_EXIT_USAGE;
}
