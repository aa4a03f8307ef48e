/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of scope words.  A set as text is its words, sorted, each once, joined by commas.  A word is
 * 1 to SCOPE_WORD_MAX bytes out of A-Z a-z 0-9 . _ : / * and -; words are compared byte for byte: a
 * '*' is a character like any other.  No state; any thread. */
#ifndef JETON_PROTO_SCOPES_H
#define JETON_PROTO_SCOPES_H

#include "proto/limits.h"
#include "proto/text.h"

/* Read words joined by commas, in any order, and write the set to `out` (SCOPES_TEXT_MAX is always
 * enough).  The empty text is the empty set.  Return NULL, or what is wrong with the text. */
const char *scopes_normalise(struct slice words, struct text *out);

/* Return NULL if the text is a list of at most SCOPES_MAX words, or what is wrong with it. */
const char *scopes_fault(struct slice words);

/* True if every word of `wanted` (in any order) is in the set `had`; also if `wanted` is empty. */
bool scopes_include(struct slice had, struct slice wanted);

#endif
