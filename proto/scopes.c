/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/scopes.h"

static const bool in_word[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['.'] = true, ['_'] = true,
    [':'] = true,         ['/'] = true,         ['*'] = true,         ['-'] = true,
};

/* Take the word before the next comma off the front of `rest`; false when there is none left. */
static bool next_word(struct slice *rest, struct slice *word)
{
    if (rest->at == NULL)
        return false;
    const char *comma = rest->len > 0 ? memchr(rest->at, ',', rest->len) : NULL;
    word->at = rest->at;
    word->len = comma != NULL ? (size_t)(comma - rest->at) : rest->len;
    if (comma != NULL)
        *rest = (struct slice){ comma + 1, rest->len - word->len - 1 };
    else
        *rest = (struct slice){ NULL, 0 };
    return true;
}

static const char *word_fault(struct slice word)
{
    if (word.len == 0)
        return "a scope is empty: scopes are words joined by single commas";
    if (word.len > SCOPE_WORD_MAX)
        return "a scope is longer than 64 bytes";
    for (size_t i = 0; i < word.len; i++)
        if (!in_word[(unsigned char)word.at[i]])
            return "a scope has a character other than A-Z a-z 0-9 . _ : / * -";
    return NULL;
}

const char *scopes_fault(struct slice words)
{
    struct slice word;

    if (words.len == 0)
        return NULL;
    for (size_t count = 0; next_word(&words, &word); count++) {
        const char *fault = count == SCOPES_MAX ? "more than 32 scopes" : word_fault(word);
        if (fault != NULL)
            return fault;
    }
    return NULL;
}

static int compare(struct slice a, struct slice b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Insert a word into the sorted ones, unless it is there; false: the set is full. */
static bool insert(struct slice *words, size_t *count, struct slice word)
{
    size_t at = *count;

    while (at > 0 && compare(words[at - 1], word) > 0)
        at--;
    if (at > 0 && slice_equal(words[at - 1], word))
        return true;
    if (*count == SCOPES_MAX)
        return false;
    memmove(words + at + 1, words + at, (*count - at) * sizeof(*words));
    words[at] = word;
    (*count)++;
    return true;
}

const char *scopes_normalise(struct slice given, struct text *out)
{
    struct slice words[SCOPES_MAX], word;
    size_t count = 0;

    if (given.len == 0)
        return NULL;
    while (next_word(&given, &word)) {
        const char *fault = word_fault(word);
        if (fault != NULL)
            return fault;
        if (!insert(words, &count, word))
            return "more than 32 scopes";
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_addc(out, ',');
        text_add(out, words[i].at, words[i].len);
    }
    return out->cut ? "too many scopes" : NULL;
}

static bool has_word(struct slice had, struct slice wanted)
{
    struct slice word;

    while (next_word(&had, &word))
        if (slice_equal(word, wanted))
            return true;
    return false;
}

bool scopes_include(struct slice had, struct slice wanted)
{
    struct slice word;

    if (wanted.len == 0)
        return true;
    while (next_word(&wanted, &word))
        if (!has_word(had, word))
            return false;
    return true;
}
