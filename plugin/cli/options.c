/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/options.h"

#include <stddef.h>
#include <stdio.h>

#include "plugin/cli/import.h"
#include "plugin/cli/key.h"
#include "plugin/cli/suggest.h"
#include "plugin/cli/zone.h"
#include "proto/stamp.h"

static const char *set_socket(struct cli_request *c, const char *path)
{
    c->socket = path;
    return path[0] != '\0' ? NULL : "a path is needed";
}

static const char *set_timeout(struct cli_request *c, const char *text)
{
    int64_t seconds;

    if (!duration_parse(slice_of(text), &seconds) || seconds > INT32_MAX / 1000)
        return "a duration is needed, such as 30s or 5m, or 0s for ever";
    c->connection.timeout = seconds > 0 ? (int)seconds * 1000 : -1;
    return NULL;
}

static const char *set_listen(struct cli_request *c, const char *text)
{
    c->web.listen = text;
    return NULL;
}

static const char *set_origin(struct cli_request *c, const char *text)
{
    c->web.origin = text;
    return NULL;
}

static const char *set_idle(struct cli_request *c, const char *text)
{
    c->web.idle = text;
    return NULL;
}

#define FLAG(member) offsetof(struct cli_request, member)
/* clang-format off */
static const struct cli_option rows[] = {
    { "socket",     'S', "PATH",     "the socket to use; else JETON_SOCKET, else one in /run/jeton", NULL, 0, set_socket },
    { "json",       'j', NULL,       "print JSON", NULL, FLAG(json), NULL },
    { "plain",      'p', NULL,       "print tab-separated lines on a terminal, too", NULL, FLAG(plain), NULL },
    { "csv",          0, NULL,       "print comma-separated lines with a header, for spreadsheets", NULL, FLAG(csv), NULL },
    { "quiet",      'q', NULL,       "print only identifiers, or the value; no remarks", NULL, FLAG(quiet), NULL },
    { "utc",          0, NULL,       "show times in UTC, and take those without a zone for it", NULL, FLAG(utc), NULL },
    { "verbose",    'v', NULL,       "print on standard error which socket is used", NULL, FLAG(verbose), NULL },
    { "value",        0, NULL,       "read a value", "revoke, ban, import", FLAG(read_value), NULL },
    { "keep-going", 'k', NULL,       "continue after a refused line", "import", FLAG(keep_going), NULL },
    { "format",       0, "NAME",     "read csv, github, gitlab or htpasswd", "import", 0, cli_import_set_format },
    { "partial",      0, NULL,       "allow a part of an export", "import", FLAG(partial), NULL },
    { "yes",        'y', NULL,       "confirm the number of tokens", "revoke, disable, enable, update, delete of many", FLAG(yes), NULL },
    { "prometheus",   0, NULL,       "print Prometheus' text format", "stats", FLAG(prometheus), NULL },
    { "listen",       0, "ADDRESS",  "serve on 127.0.0.1:PORT, [::1]:PORT or a Unix socket", "web", 0, set_listen },
    { "origin",       0, "ORIGIN",   "where browsers find the page, if elsewhere", "web", 0, set_origin },
    { "idle",         0, "DURATION", "end after so long without use (default 15m; 0s: never)", "web", 0, set_idle },
    { "no-browser",   0, NULL,       "do not open a browser", "web", FLAG(web.no_browser), NULL },
    { "timeout",    'T', "DURATION", "wait that long for an answer (default 1m; 0s: for ever)", NULL, 0, set_timeout },
    { "help",       'h', NULL,       "print this help, or that of a verb", NULL, FLAG(help), NULL },
    { "version",    'V', NULL,       "print the version", NULL, FLAG(version), NULL },
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct cli_option *cli_option_row(size_t i)
{
    return i < ROWS ? &rows[i] : NULL;
}

const struct cli_option *cli_option_named(struct slice name, char letter)
{
    for (size_t i = 0; i < ROWS; i++)
        if (letter != 0 ? rows[i].letter == letter : slice_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

/* -- what is none ----------------------------------------------------------------------------- */

/* Return the position of the verb, the first argument without a key, or that of the end. */
static size_t verb_position(const struct cli_request *c)
{
    size_t i = 0;

    while (i < c->arguments && cli_request_key_length(c->argument[i]) > 0)
        i++;
    return i;
}

/* Return the verb that was given before, or VERB_COUNT. */
static enum verb verb_so_far(const struct cli_request *c)
{
    size_t at = verb_position(c);

    return at < c->arguments ? verb_named(slice_of(c->argument[at])) : VERB_COUNT;
}

/* Return the key of the verb that has this word among its values, as `state` has `revoked`.  Whoever
 * writes the name of a field does rather mean a filter. */
static const char *key_with_word(enum verb verb, struct slice word)
{
    for (enum key key = 0; key < KEY_COUNT && verb < VERB_COUNT; key++) {
        const char *at = cli_key_row(slice_of(key_name(key)), verb).words;
        while (at != NULL && *at != '\0' && key != KEY_FIELDS && cli_key_of_verb(verb, key)) {
            size_t len = strcspn(at, " ");
            if (slice_equal(word, (struct slice){ at, len }))
                return key_name(key);
            at += len + strspn(at + len, " ");
        }
    }
    return NULL;
}

/* Report an option that is none, with what was probably meant. */
static enum cli_exit unknown_option(const struct cli_request *c, struct slice name)
{
    enum verb verb = verb_so_far(c);
    const char *key = key_with_word(verb, name);
    struct cli_suggest option = cli_suggest_begin(name), keys = option;

    for (size_t i = 0; i < ROWS; i++)
        cli_suggest_try(&option, rows[i].name);
    cli_suggest_try_keys(&keys, verb);
    if (key != NULL)
        cli_message("no such option: write %s=%.*s", key, (int)name.len, name.at);
    else if (keys.name != NULL && (option.name == NULL || keys.distance < option.distance))
        cli_message("no such option; did you mean %s=%s?", keys.name,
                    cli_key_row(slice_of(keys.name), verb).argument);
    else if (option.name != NULL)
        cli_message("no such option; did you mean --%s?", option.name);
    else
        cli_message("no such option; see jeton --help");
    return CLI_EXIT_USAGE;
}

/* -- parsing ---------------------------------------------------------------------------------- */

/* The arguments that are not parsed yet. */
struct rest {
    char **next; /* ends with NULL */
};

static enum cli_exit apply(struct cli_request *c, const struct cli_option *o, const char *argument,
                           struct rest *rest)
{
    const char *fault = NULL;

    if (o->take == NULL)
        *(bool *)((char *)c + o->flag) = true;
    if (o->take == NULL && argument != NULL)
        fault = "takes no argument";
    if (o->take != NULL && argument == NULL)
        argument = *rest->next != NULL ? *rest->next++ : NULL;
    if (o->take != NULL)
        fault = argument != NULL ? o->take(c, argument) : "needs an argument";
    if (fault == NULL)
        return CLI_EXIT_YES;
    cli_message("--%s: %s", o->name, fault);
    return CLI_EXIT_USAGE;
}

/* True for an argument that is rather the next option or key than the value of the one before. */
static bool is_no_value(const char *argument)
{
    size_t len = argument != NULL ? cli_request_key_length(argument) : 0;

    return argument == NULL || (argument[0] == '-' && argument[1] != '\0') ||
           (len > 0 && cli_key_named((struct slice){ argument, len }) < KEY_COUNT);
}

/* Take `--key value` or `--key=value` for key=value; `name` has '_' where '-' was typed. */
static enum cli_exit take_key(struct cli_request *c, struct slice name, const char *value,
                              struct rest *rest)
{
    bool is_token = slice_is(name, key_name(KEY_TOKEN));
    char *made;

    if (is_token && value == NULL && *rest->next == NULL) {
        c->read_value = true;
        return CLI_EXIT_YES;
    }
    if (value == NULL && cli_key_row(name, verb_so_far(c)).type == CLI_KEY_FLAG)
        value = "yes";
    if (value == NULL && is_no_value(*rest->next)) {
        cli_message("%.*s needs a value: write %.*s=%s", (int)name.len, name.at, (int)name.len,
                    name.at, cli_key_row(name, verb_so_far(c)).argument);
        return CLI_EXIT_USAGE;
    }
    if (value == NULL)
        value = *rest->next++;
    if (asprintf(&made, "%.*s=%s", (int)name.len, name.at, value) < 0)
        return CLI_EXIT_UNAVAILABLE;
    c->argument[c->arguments++] = cli_request_keep(c, made);
    return CLI_EXIT_YES;
}

/* True if the verb given before takes the key; before a verb: if any does. */
static bool is_key(const struct cli_request *c, struct slice name)
{
    enum key key = cli_key_named(name);
    enum verb verb = verb_so_far(c);

    return key < KEY_COUNT &&
           (key == KEY_TOKEN || verb == VERB_COUNT || cli_key_of_verb(verb, key));
}

/* Parse --name, --name=argument, --key=value or --key value.  A key that is not known is the
 * daemon's to judge, if it is written with its value. */
static enum cli_exit parse_long(struct cli_request *c, const char *text, struct rest *rest)
{
    struct slice name = { text, strcspn(text, "=") };
    const char *value = text[name.len] == '=' ? text + name.len + 1 : NULL;
    const struct cli_option *o = cli_option_named(name, 0);
    char key[LINE_KEY_MAX + 2];

    if (o != NULL)
        return apply(c, o, value, rest);
    if (name.len == 0 || name.len > LINE_KEY_MAX)
        return unknown_option(c, name);
    for (size_t i = 0; i < name.len; i++)
        key[i] = name.at[i] == '-' ? '_' : name.at[i];
    memcpy(key + name.len, "=", 2);
    if (cli_request_key_length(key) == 0 ||
        (value == NULL && !is_key(c, (struct slice){ key, name.len })))
        return unknown_option(c, name);
    return take_key(c, (struct slice){ key, name.len }, value, rest);
}

/* Parse the letters after one dash; the last may be followed by its argument. */
static enum cli_exit parse_letters(struct cli_request *c, const char *letters, struct rest *rest)
{
    enum cli_exit status = CLI_EXIT_YES;
    struct slice all = { letters, strcspn(letters, "=") };

    while (*letters != '\0' && status == CLI_EXIT_YES) {
        const struct cli_option *o = cli_option_named((struct slice){ NULL, 0 }, *letters++);
        if (o == NULL)
            return unknown_option(c, all);
        bool attached = o->take != NULL && *letters != '\0';
        status = apply(c, o, attached ? letters : NULL, rest);
        if (attached)
            break;
    }
    return status;
}

/* Move the verb before the keys that were given before it. */
static void put_verb_first(struct cli_request *c)
{
    size_t at = verb_position(c);

    if (at == 0 || at == c->arguments)
        return;
    const char *verb = c->argument[at];
    memmove(c->argument + 1, c->argument, at * sizeof(*c->argument));
    c->argument[0] = verb;
}

enum cli_exit cli_options_parse(struct cli_request *c, char **argv)
{
    struct rest rest = { argv };
    enum cli_exit status = CLI_EXIT_YES;
    bool words_only = false;

    c->argument = (const char **)argv;
    while (*rest.next != NULL && status == CLI_EXIT_YES) {
        const char *text = *rest.next++;
        if (words_only || text[0] != '-' || text[1] == '\0')
            c->argument[c->arguments++] = text;
        else if (strcmp(text, "--") == 0)
            words_only = true;
        else if (text[1] == '-')
            status = parse_long(c, text + 2, &rest);
        else
            status = parse_letters(c, text + 1, &rest);
    }
    put_verb_first(c);
    if (c->utc)
        cli_zone_use_utc();
    if (c->quiet)
        cli_message_no_remarks();
    return status;
}

enum cli_output_form cli_options_form(const struct cli_request *c)
{
    if (c->json)
        return CLI_OUTPUT_JSON;
    if (c->csv)
        return CLI_OUTPUT_CSV;
    return c->plain ? CLI_OUTPUT_PLAIN : c->quiet ? CLI_OUTPUT_QUIET : CLI_OUTPUT_HUMAN;
}
