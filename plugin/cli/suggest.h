/* SPDX-License-Identifier: Apache-2.0 */
/* Find the name that somebody meant who typed another one.  What was typed may be a token's value
 * at the wrong place, so it is never shown: only the names of our own are. */
#ifndef JETON_PLUGIN_CLI_SUGGEST_H
#define JETON_PLUGIN_CLI_SUGGEST_H

#include "proto/request.h"

struct cli_suggest {
    struct slice typed;
    const char *name; /* the closest so far; NULL: none is close */
    unsigned distance;
};

static inline struct cli_suggest cli_suggest_begin(struct slice typed)
{
    return (struct cli_suggest){ .typed = typed };
}

/* Consider a name.  It is close if few characters are wrong, left out, added or exchanged, or if
 * what was typed is its beginning or its last word; letters of either case, and '-' and '_', are the same. */
void cli_suggest_try(struct cli_suggest *s, const char *name);

/* Consider the keys of the verb; VERB_COUNT: of all verbs. */
void cli_suggest_try_keys(struct cli_suggest *s, enum verb verb);

#endif
