/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/help.h"

#include <stdio.h>

#include "plugin/cli/key.h"
#include "plugin/cli/options.h"
#include "plugin/cli/suggest.h"

enum { OPTION_COLUMN = 26, KEY_COLUMN = 24, VERB_COLUMN = 12 };

const char cli_help_usage[] = "usage: jeton [OPTION]... VERB [WORD | KEY=VALUE]...\n";

static const char remarks[] =
    "\n"
    "A TIME is written 2027-01-31T12:00:00Z, 2027-01-31, \"2027-01-31 18:00\", or as a DURATION from\n"
    "now; a DURATION 30s, 15m (minutes), 12h, 90d, 3w, 2mo (months) or 1y.  An ID may be given by its\n"
    "first digits, at least 6.  A key may also be written --description TEXT.  Values are never\n"
    "arguments: they are read from standard input, or asked for.  Exit status: 0 yes, 1 no, 2 wrong\n"
    "usage, 3 unavailable, 4 no: the token is good, but not for what was asked.\n";

/* Names that other commands have for what a verb does. */
static const struct {
    enum verb verb;
    const char *also;
} names_elsewhere[] = {
    { VERB_CREATE, "new add issue make" },
    { VERB_LIST, "ls tokens all" },
    { VERB_SHOW, "get info inspect" },
    { VERB_VERIFY, "check validate test" },
    { VERB_REVOKE, "kill invalidate" },
    { VERB_DISABLE, "suspend lock" },
    { VERB_ENABLE, "resume unlock" },
    { VERB_UPDATE, "edit set change modify" },
    { VERB_ROTATE, "renew regenerate refresh" },
    { VERB_DELETE, "rm remove del" },
    { VERB_BAN, "deny block" },
    { VERB_IMPORT, "load restore" },
    { VERB_EXPORT, "dump" },
    { VERB_JOURNAL, "log audit history events" },
    { VERB_WATCH, "follow tail" },
    { VERB_STATS, "metrics status" },
    { VERB_CHECKPOINT, "save flush sync" },
    { VERB_BACKUP, "copy snapshot tdbbackup" },
    { VERB_TRACE, "who whose leaked" },
    { VERB_POLICY, "policies rules" },
};

static const char *usage(const struct cli_verb *verb)
{
    return verb->usage != NULL ? verb->usage : verb_row(verb->verb)->usage;
}

static const char *summary(const struct cli_verb *verb)
{
    return verb->summary != NULL ? verb->summary : verb_row(verb->verb)->summary;
}

static void put_options(struct cli_buffer *b)
{
    const struct cli_option *o;

    cli_buffer_adds(b, "\noptions:\n");
    for (size_t i = 0; (o = cli_option_row(i)) != NULL; i++) {
        char left[64];
        int len = snprintf(left, sizeof(left), "  %c%c%c --%s%s%s", o->letter != 0 ? '-' : ' ',
                           o->letter != 0 ? o->letter : ' ', o->letter != 0 ? ',' : ' ', o->name,
                           o->argument != NULL ? " " : "", o->argument != NULL ? o->argument : "");
        cli_buffer_adds(b, left);
        cli_buffer_pad(b, len < OPTION_COLUMN ? OPTION_COLUMN - (size_t)len : 1);
        cli_buffer_adds(b, o->verbs != NULL ? o->verbs : "");
        cli_buffer_adds(b, o->verbs != NULL ? ": " : "");
        cli_buffer_adds(b, o->summary);
        cli_buffer_addc(b, '\n');
    }
}

static void help_all(struct cli_buffer *b, const struct cli_verb *verbs, size_t count)
{
    cli_buffer_adds(b, cli_help_usage);
    cli_buffer_adds(b, "\nverbs (see also jeton help VERB):\n");
    for (size_t i = 0; i < count; i++) {
        const char *name = cli_verb_name(&verbs[i]);
        cli_buffer_adds(b, "  ");
        cli_buffer_adds(b, name);
        cli_buffer_pad(b, VERB_COLUMN - strlen(name));
        cli_buffer_adds(b, summary(&verbs[i]));
        cli_buffer_addc(b, '\n');
    }
    put_options(b);
    cli_buffer_adds(b, remarks);
}

/* Explain the keys of a verb. */
static void put_keys(struct cli_buffer *b, enum verb verb)
{
    bool any = false;

    for (enum key key = 0; key < KEY_COUNT; key++) {
        if (!cli_key_of_verb(verb, key) || verb_row(verb)->word == key)
            continue;
        struct cli_key row = cli_key_row(slice_of(key_name(key)), verb);
        size_t width = 3 + strlen(key_name(key)) + strlen(row.argument);
        cli_buffer_adds(b, any ? "  " : "keys:\n  ");
        cli_buffer_adds(b, key_name(key));
        cli_buffer_addc(b, '=');
        cli_buffer_adds(b, row.argument);
        cli_buffer_pad(b, width < KEY_COLUMN ? KEY_COLUMN - width : 1);
        cli_buffer_adds(b, row.summary);
        if (row.words != NULL) {
            cli_buffer_adds(b, " (");
            cli_buffer_adds(b, row.words);
            cli_buffer_addc(b, ')');
        }
        cli_buffer_addc(b, '\n');
        any = true;
    }
    cli_buffer_adds(b, any ? "\n" : "");
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
        [ROLE_SELF] = "Also granted on the self socket, for your own tokens.\n",
        [ROLE_ADMIN] = "Granted on the admin socket.\n",
    };

    cli_buffer_adds(b, "usage: jeton ");
    cli_buffer_adds(b, usage(verb));
    cli_buffer_adds(b, "\n\n  ");
    cli_buffer_adds(b, summary(verb));
    cli_buffer_adds(b, "\n\n");
    if (verb->verb < VERB_COUNT)
        put_keys(b, verb->verb);
    cli_buffer_adds(b, notes[verb->value] != NULL ? notes[verb->value] : "");
    cli_buffer_adds(b, verb->note != NULL ? verb->note : "");
    if (verb->verb == VERB_COUNT)
        return;
    const struct verb_row *row = verb_row(verb->verb);
    cli_buffer_adds(b, access[row->role]);
    if (row->role != ROLE_VERIFY && request_grants(ROLE_SELF, verb->verb))
        cli_buffer_adds(b, access[ROLE_SELF]);
}

static void put_row(struct cli_output *o, const struct cli_verb *verb)
{
    const struct line line = { 3,
                               {
                                   { SLICE("verb"), slice_of(cli_verb_name(verb)) },
                                   { SLICE("usage"), slice_of(usage(verb)) },
                                   { SLICE("summary"), slice_of(summary(verb)) },
                               } };

    cli_output_row(o, &line);
}

/* True if one of these words is the name. */
static bool has_word(const char *words, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = words; (at = strstr(at, name)) != NULL; at++)
        if (len > 0 && (at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

void cli_help_no_verb(const char *name, const struct cli_verb *verbs, size_t count)
{
    struct cli_suggest s = cli_suggest_begin(slice_of(name));

    for (size_t i = 0; i < count; i++)
        cli_suggest_try(&s, cli_verb_name(&verbs[i]));
    for (size_t i = 0; i < sizeof(names_elsewhere) / sizeof(names_elsewhere[0]); i++)
        if (has_word(names_elsewhere[i].also, name))
            s.name = verb_row(names_elsewhere[i].verb)->name;
    if (s.name != NULL)
        cli_message("no such verb; did you mean %s?", s.name);
    else
        cli_message("no such verb; see jeton help");
}

enum cli_exit cli_help(struct cli_request *c, const struct cli_verb *verbs, size_t count)
{
    const char *name = c->arguments > 0 ? c->argument[0] : NULL;
    bool rows = c->json || c->plain || c->csv, found = name == NULL;

    if (rows)
        cli_output_rows(&c->output, &cli_view_verbs, false);
    for (size_t i = 0; i < count; i++) {
        if (name != NULL && strcmp(name, cli_verb_name(&verbs[i])) != 0)
            continue;
        found = true;
        if (rows)
            put_row(&c->output, &verbs[i]);
        else if (name != NULL)
            help_verb(&c->output.bytes, &verbs[i]);
    }
    if (!rows)
        cli_output_begin_page(&c->output);
    if (name == NULL && !rows)
        help_all(&c->output.bytes, verbs, count);
    if (!found) {
        cli_help_no_verb(name, verbs, count);
        return CLI_EXIT_USAGE;
    }
    if (rows)
        cli_output_end(&c->output, true);
    return CLI_EXIT_YES;
}
