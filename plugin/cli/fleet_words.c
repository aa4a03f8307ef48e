/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/fleet_words.h"

#include "plugin/cli/offer.h"

struct cli_fleet_word {
    const char *name;
    const char *summary;
};

struct cli_fleet_option {
    const char *name;
    const char *argument; /* NULL: it has none */
    const char *words;    /* the only ones that it is of, joined by spaces; NULL: it is of all */
    const char *summary;
};

/* clang-format off */
static const struct cli_fleet_word words[] = {
    { "init",    "make the schema of a fleet in the database" },
    { "migrate", "bring the schema up to date" },
    { "status",  "show how far this host is, and the database" },
    { "hosts",   "show all hosts of the fleet" },
    { "join",    "let a host honour the tokens of groups" },
    { "leave",   "take that back, and end its sessions" },
    { "check",   "check the configuration" },
    { "run",     "run the agent" },
    { "help",    "list the words and options" },
};

static const struct cli_fleet_option options[] = {
    { "config",     "FILE",            NULL,                            "read this file instead of /etc/jeton/fleet.conf" },
    { "set",        "fleet.KEY=VALUE", NULL,                            "change one setting, after the file was read" },
    { "database",   "CONNINFO",        "init migrate hosts join leave", "connect by this instead" },
    { "migrations", "DIRECTORY",       "init migrate",                  "the files of the schema" },
    { "groups",     "A,B",             "join",                          "the groups whose tokens the host honours" },
    { "issuer",     NULL,              "join",                          "the host may make tokens" },
    { "json",       NULL,              "status hosts",                  "print a line of JSON for each" },
    { "version",    NULL,              NULL,                            "print the version" },
    { "help",       NULL,              NULL,                            "list the words and options" },
};
/* clang-format on */

enum {
    WORDS = sizeof(words) / sizeof(words[0]),
    OPTIONS = sizeof(options) / sizeof(options[0]),
};

void cli_fleet_words_take(struct cli_fleet_words *f, const char *text)
{
    if (f->pending != NULL) {
        f->pending = NULL;
        return;
    }
    for (size_t i = 0; i < OPTIONS && strncmp(text, "--", 2) == 0; i++)
        if (strcmp(text + 2, options[i].name) == 0 && options[i].argument != NULL)
            f->pending = &options[i];
    for (size_t i = 0; i < WORDS && f->word == NULL; i++)
        if (strcmp(text, words[i].name) == 0)
            f->word = &words[i];
}

/* True if the option makes sense with the word that was read, or none was. */
static bool fits(const struct cli_fleet_words *f, const struct cli_fleet_option *o)
{
    size_t len;

    if (f->word == NULL || o->words == NULL)
        return true;
    for (const char *at = o->words; *at != '\0'; at += len + (at[len] == ' ')) {
        len = strcspn(at, " ");
        if (slice_is((struct slice){ at, len }, f->word->name))
            return true;
    }
    return false;
}

static bool is_path(const struct cli_fleet_option *o)
{
    return o->argument != NULL &&
           (strcmp(o->argument, "FILE") == 0 || strcmp(o->argument, "DIRECTORY") == 0);
}

void cli_fleet_words_offer(const struct cli_fleet_words *f, struct cli_buffer *out,
                           struct slice current)
{
    bool dashed = slice_begins(current, "-");

    if (f->pending != NULL) {
        cli_buffer_adds(out, is_path(f->pending) ? "<files>\n" : "");
        return;
    }
    for (size_t i = 0; i < OPTIONS && dashed; i++)
        if (fits(f, &options[i]))
            cli_offer(out, current, "--", slice_of(options[i].name),
                      options[i].argument != NULL && !is_path(&options[i]) ? "=" : "",
                      slice_of(options[i].summary));
    for (size_t i = 0; i < WORDS && !dashed && f->word == NULL; i++)
        cli_offer(out, current, "", slice_of(words[i].name), "", slice_of(words[i].summary));
}
