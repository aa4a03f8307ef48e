/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/help.h"

const char cli_help_usage[] = "usage: jeton [OPTION]... VERB [WORD | KEY=VALUE]...\n";

static const char options[] =
    "\n"
    "options:\n"
    "  -S, --socket PATH       the socket to use; else JETON_SOCKET, else one in /run/jeton\n"
    "  -j, --json              print JSON\n"
    "  -p, --plain             print tab-separated lines on a terminal, too\n"
    "      --value             revoke, ban, import: read a value\n"
    "  -k, --keep-going        import: continue after a refused line\n"
    "      --format=NAME       import: read csv, github, gitlab or htpasswd\n"
    "      --partial           import: allow a part of an export\n"
    "      --prometheus        stats: print Prometheus' text format\n"
    "  -T, --timeout DURATION  wait that long for an answer (default 1m; 0s: for ever)\n"
    "  -h, --help              print this help, or that of a verb\n"
    "  -V, --version           print the version\n"
    "\n"
    "A TIME is written 2027-01-31T12:00:00Z, a DURATION 30s, 15m, 12h, 90d or 1y.  An ID may be\n"
    "given by its first digits, at least 6.  Values are never arguments: they are read from\n"
    "standard input, or asked for.  Exit status: 0 yes, 1 no, 2 wrong usage, 3 unavailable,\n"
    "4 no: the token is good, but not for what was asked.\n";

static const char *usage(const struct cli_verb *verb)
{
    return verb->usage != NULL ? verb->usage : verb_row(verb->verb)->usage;
}

static const char *summary(const struct cli_verb *verb)
{
    return verb->summary != NULL ? verb->summary : verb_row(verb->verb)->summary;
}

static void help_all(struct cli_buffer *b, const struct cli_verb *verbs, size_t count)
{
    cli_buffer_adds(b, cli_help_usage);
    cli_buffer_adds(b, "\nverbs (see also jeton help VERB):\n");
    for (size_t i = 0; i < count; i++) {
        const struct verb_row *row = verb_row(verbs[i].verb);
        cli_buffer_adds(b, "  ");
        cli_buffer_adds(b, row->name);
        cli_buffer_pad(b, 9 - strlen(row->name));
        cli_buffer_adds(b, summary(&verbs[i]));
        cli_buffer_addc(b, '\n');
    }
    cli_buffer_adds(b, options);
}

static void help_verb(struct cli_buffer *b, const struct cli_verb *verb)
{
    static const char *const notes[] = {
        [CLI_VALUE_NEVER] = NULL,
        [CLI_VALUE_OPTIONAL] = "With --value a value is read from standard input, or asked for; "
                               "it is never an argument.\n",
        [CLI_VALUE_ALWAYS] = "The value is read from standard input, or asked for; "
                             "it is never an argument.\n",
    };
    static const char *const access[] = {
        [ROLE_VERIFY] = "Granted on every socket.\n",
        [ROLE_OBSERVE] = "Granted on the observe and the admin socket.\n",
        [ROLE_ADMIN] = "Granted on the admin socket.\n",
    };
    const struct verb_row *row = verb_row(verb->verb);

    cli_buffer_adds(b, "usage: jeton ");
    cli_buffer_adds(b, usage(verb));
    cli_buffer_adds(b, "\n\n  ");
    cli_buffer_adds(b, summary(verb));
    cli_buffer_adds(b, "\n\n");
    cli_buffer_adds(b, notes[verb->value] != NULL ? notes[verb->value] : "");
    cli_buffer_adds(b, verb->note != NULL ? verb->note : "");
    cli_buffer_adds(b, access[row->role]);
}

static void put_row(struct cli_output *o, const struct cli_verb *verb)
{
    const struct verb_row *row = verb_row(verb->verb);
    const struct line line = { 3,
                               {
                                   { SLICE("verb"), slice_of(row->name) },
                                   { SLICE("usage"), slice_of(usage(verb)) },
                                   { SLICE("summary"), slice_of(summary(verb)) },
                               } };

    cli_output_row(o, &line);
}

enum cli_exit cli_help(struct cli_request *c, const struct cli_verb *verbs, size_t count)
{
    const char *name = c->arguments > 0 ? c->argument[0] : NULL;
    bool rows = c->json || c->plain, found = name == NULL;

    if (rows)
        cli_output_rows(&c->output, &cli_view_verbs, false);
    for (size_t i = 0; i < count; i++) {
        if (name != NULL && strcmp(name, verb_row(verbs[i].verb)->name) != 0)
            continue;
        found = true;
        if (rows)
            put_row(&c->output, &verbs[i]);
        else if (name != NULL)
            help_verb(&c->output.bytes, &verbs[i]);
    }
    if (name == NULL && !rows)
        help_all(&c->output.bytes, verbs, count);
    if (!found) {
        cli_message("no such verb; see jeton help");
        return CLI_EXIT_USAGE;
    }
    if (rows)
        cli_output_end(&c->output, true);
    return CLI_EXIT_YES;
}
