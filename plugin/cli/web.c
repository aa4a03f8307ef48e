/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/web.h"

#include "plugin/cli/message.h"
#include "plugin/cli/program.h"

enum { WORDS_MAX = 16 };

struct words {
    size_t count;
    const char *word[WORDS_MAX + 1]; /* ends with NULL */
};

static void add(struct words *w, const char *option, const char *argument)
{
    w->word[w->count++] = option;
    w->word[w->count++] = argument;
}

/* The page needs what `list` needs, on the socket with most rights. */
enum cli_exit cli_web(struct cli_request *c, const struct cli_view *view)
{
    struct words w = { .count = 1, .word = { "jeton-web" } };

    (void)view;
    if (c->arguments > 0) {
        cli_message("web takes no arguments, only options; see jeton help web");
        return CLI_EXIT_USAGE;
    }
    if (c->json || c->plain || c->csv || c->read_value) {
        cli_message("web prints a link: omit --json, --plain, --csv and --value");
        return CLI_EXIT_USAGE;
    }
    c->verb = VERB_LIST;
    enum cli_exit status = cli_request_connect(c);
    if (status != CLI_EXIT_YES)
        return status;
    add(&w, "--socket", c->path);
    if (c->web.listen != NULL)
        add(&w, "--listen", c->web.listen);
    if (c->web.origin != NULL)
        add(&w, "--origin", c->web.origin);
    if (c->web.idle != NULL)
        add(&w, "--idle", c->web.idle);
    if (c->web.no_browser)
        w.word[w.count++] = "--no-browser";
    return cli_program_become(
        "jeton-web", WEB_PROGRAM, w.word,
        "it is in the package jeton-web.\n"
        "Where Cockpit is installed, the package jeton-cockpit has the same page there.");
}
