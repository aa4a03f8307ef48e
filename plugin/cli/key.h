/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that verbs take, as people see them: what completion offers, how help explains them, and
 * which of them are times.  Which verb takes which key is in the protocol's table of verbs; a key
 * without a row here is a text. */
#ifndef JETON_PLUGIN_CLI_KEY_H
#define JETON_PLUGIN_CLI_KEY_H

#include "proto/request.h"

enum cli_key_type {
    CLI_KEY_TEXT,
    CLI_KEY_LIST,     /* words of `words`, joined by commas */
    CLI_KEY_FLAG,     /* yes or no; as an option without a value, it is yes */
    CLI_KEY_UNTIL,    /* a time; given as a duration, it is so much later than now */
    CLI_KEY_SINCE,    /* a time; given as a duration, it is so much earlier than now */
    CLI_KEY_DURATION, /* from now on */
    CLI_KEY_AGE,      /* a duration that ends now */
};

struct cli_key {
    const char *name;
    const char *verb; /* the only verb that the row is for; NULL: all others */
    enum cli_key_type type;
    const char *argument; /* what stands for its value in texts */
    const char *summary;
    const char *words; /* values to offer, separated by spaces; or NULL */
};

/* Return the row of a verb's key.  One without a row is a TEXT without a summary. */
struct cli_key cli_key_row(struct slice name, enum verb verb);

/* Return the length of an argument's key, before its '='; 0 if the argument is a word. */
size_t cli_key_length(const char *argument);

/* True if the verb takes the key as an argument.  A token's value is none. */
bool cli_key_of_verb(enum verb verb, enum key key);

/* Return the key with this name, or KEY_COUNT. */
enum key cli_key_named(struct slice name);

#endif
