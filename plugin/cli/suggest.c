/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/suggest.h"

#include <ctype.h>

#include "plugin/cli/key.h"

enum { NAME_MAX_LENGTH = 24, PREFIX_MIN = 3 };

static char simple(char c)
{
    return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Count the edits from one text to the other; two neighbours exchanged are one edit (optimal string
 * alignment).  Both have at most NAME_MAX_LENGTH characters. */
static unsigned distance(struct slice a, struct slice b)
{
    unsigned d[3][NAME_MAX_LENGTH + 1]; /* the last rows of the matrix */

    for (unsigned j = 0; j <= b.len; j++)
        d[0][j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned *row = d[i % 3], *above = d[(i + 2) % 3], *before = d[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            bool same = simple(a.at[i - 1]) == simple(b.at[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && simple(a.at[i - 1]) == simple(b.at[j - 2]) &&
                simple(a.at[i - 2]) == simple(b.at[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return d[a.len % 3][b.len];
}

/* True if what was typed is the last word of a name of several, such as before in created_before. */
static bool ends_with(struct slice whole, struct slice typed)
{
    return typed.len >= PREFIX_MIN && whole.len > typed.len &&
           whole.at[whole.len - typed.len - 1] == '_' &&
           distance(typed, (struct slice){ whole.at + whole.len - typed.len, typed.len }) == 0;
}

void cli_suggest_try(struct cli_suggest *s, const char *name)
{
    struct slice whole = slice_of(name), front = { name, s->typed.len };
    unsigned allowed = s->typed.len < 4 ? 1 : s->typed.len < 8 ? 2 : 3;

    if (s->typed.len < 2 || s->typed.len > NAME_MAX_LENGTH || whole.len > NAME_MAX_LENGTH)
        return;
    unsigned edits = distance(s->typed, whole);
    if (edits > 1 && s->typed.len >= PREFIX_MIN && front.len < whole.len &&
        distance(s->typed, front) == 0)
        edits = 1;
    bool is_end = ends_with(whole, s->typed);
    if (is_end)
        edits = allowed;
    if (is_end && s->name != NULL && s->distance == allowed && strcmp(name, s->name) < 0)
        s->name = name; /* of several, the first in the alphabet: created_before */
    if (edits > allowed || edits >= least((unsigned)whole.len, (unsigned)s->typed.len) ||
        (s->name != NULL && edits >= s->distance))
        return;
    s->name = name;
    s->distance = edits;
}

void cli_suggest_try_keys(struct cli_suggest *s, enum verb verb)
{
    for (enum verb v = 0; v < VERB_COUNT; v++)
        for (enum key key = 0; key < KEY_COUNT; key++)
            if ((verb == VERB_COUNT || verb == v) && cli_key_of_verb(v, key))
                cli_suggest_try(s, key_name(key));
}
