/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/advice.h"

#include "plugin/cli/key.h"
#include "plugin/cli/suggest.h"

static void put(struct cli_buffer *b, const char *before, const char *key, const char *value,
                const char *after)
{
    cli_buffer_adds(b, "\n");
    cli_buffer_adds(b, before);
    cli_buffer_adds(b, key);
    cli_buffer_addc(b, '=');
    cli_buffer_adds(b, value);
    cli_buffer_adds(b, after);
}

/* Of a key that the verb does not take: the one that it resembles. */
static bool advise_key(enum verb verb, struct slice key, struct cli_buffer *b)
{
    enum key known = cli_key_named(key);
    struct cli_suggest s = cli_suggest_begin(key);

    if (known < KEY_COUNT && cli_key_of_verb(verb, known))
        return false;
    cli_suggest_try_keys(&s, verb);
    if (s.name != NULL)
        put(b, "Did you mean ", s.name, "", "?");
    return s.name != NULL;
}

/* Of a word that is the name of a key, as in `create description "ci deploy"`: how it is written. */
static bool advise_word(enum verb verb, struct slice word, struct cli_buffer *b)
{
    enum key key;

    while (word.len > 0 && (word.at[word.len - 1] == ':' || word.at[word.len - 1] == '='))
        word.len--;
    key = cli_key_named(word);
    if (key == KEY_COUNT || !cli_key_of_verb(verb, key))
        return false;
    put(b, "A key and its value are one argument: write ", key_name(key),
        cli_key_row(word, verb).argument, ".");
    return true;
}

void cli_advice_put(enum verb verb, const char *const *argument, size_t arguments,
                    enum status status, struct cli_buffer *b)
{
    bool advised = status != STATUS_UNKNOWN_KEY && status != STATUS_SYNTAX &&
                   status != STATUS_BAD_VALUE;

    for (size_t i = 0; i < arguments && !advised; i++) {
        size_t len = cli_key_length(argument[i]);
        advised = len > 0 ? advise_key(verb, (struct slice){ argument[i], len }, b) :
                            advise_word(verb, slice_of(argument[i]), b);
    }
}
