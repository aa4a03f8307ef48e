/* SPDX-License-Identifier: Apache-2.0 */
/* Test vectors of the protocol's text forms, for implementations in other languages: lines.txt.
 *
 *     KIND: INPUT          bytes outside 0x20-0x7E, %, and a space at an end, are written as %HH
 *     is: MEANING
 *
 * What an input means is what proto/ makes of it:
 *
 *     read      a line of a reply: `data`, `OK`, `NO REASON`, `ERR CODE`, then its words as =WORD, then
 *               its fields as KEY=VALUE, the first of each key, spaces in them as %20; or `invalid`
 *     write     a value of a field: how it is written
 *     request   a request line: the verb, then its fields, as above; or ERR and a code
 *     time, duration  the seconds, and how they are written; or `invalid`
 *     value     a presented text: `identifier`, `malformed`, `ours` or `foreign`, for the prefix jtn
 *     digest    a value: its own digest, and its SHA-256 */
#ifndef JETON_TESTS_VECTORS_VECTORS_H
#define JETON_TESTS_VECTORS_VECTORS_H

#include <stdio.h>

#include "proto/reply.h"
#include "proto/request.h"
#include "proto/stamp.h"
#include "proto/token.h"

enum { VECTOR_INPUT_MAX = 64 * 1024, VECTOR_MEANING_MAX = 4 * VECTOR_INPUT_MAX };

/* Decode %HH in place; return the length. */
static inline size_t vector_decode(char *text)
{
    size_t len = 0;

    for (const char *at = text; *at != '\0'; len++) {
        uint8_t byte = (uint8_t)*at++;
        if (byte == '%' && hex_parse((struct slice){ at, 2 }, &byte, 1))
            at += 2;
        text[len] = (char)byte;
    }
    return len;
}

/* Write bytes; spaces as they are, except at the ends, where they separate nothing. */
static inline void vector_put(struct text *t, struct slice bytes, bool keep_spaces)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.at[i];
        bool keep_space = keep_spaces && i > 0 && i + 1 < bytes.len;
        if (c > 0x7e || c < 0x20 || c == '%' || (c == ' ' && !keep_space))
            text_addf(t, "%%%02X", c);
        else
            text_addc(t, (char)c);
    }
}

static inline void vector_put_field(struct text *t, const struct argument *a)
{
    text_addc(t, ' ');
    text_add(t, a->key.at, a->key.len);
    text_addc(t, '=');
    vector_put(t, a->value, false);
}

static inline void vector_put_arguments(struct text *t, const struct line *line, size_t from)
{
    for (size_t i = from; i < line->count; i++)
        if (line->argument[i].key.len == 0)
            vector_put_field(t, &line->argument[i]);
    for (size_t i = from; i < line->count; i++) {
        const struct slice key = line->argument[i].key;
        bool first = key.len > 0;
        for (size_t j = from; j < i; j++)
            first = first && !slice_equal(key, line->argument[j].key);
        if (first)
            vector_put_field(t, &line->argument[i]);
    }
}

static inline void vector_read(char *bytes, size_t len, struct text *t)
{
    static const char *const kinds[] = { "OK", "NO", "ERR" };
    struct reply reply;

    if (!reply_parse(bytes, len, &reply)) {
        text_adds(t, "invalid");
    } else if (!reply.final) {
        text_adds(t, "data");
        vector_put_arguments(t, &reply.line, 0);
    } else {
        text_adds(t, kinds[reply.kind]);
        if (reply.kind != ANSWER_OK) {
            text_addc(t, ' ');
            vector_put(t, reply.word, false);
        }
        vector_put_arguments(t, &reply.line, reply.kind == ANSWER_OK ? 1 : 2);
    }
}

static inline void vector_write(char *bytes, size_t len, struct text *t)
{
    char made[4 * VECTOR_INPUT_MAX + 2];
    struct text word = text_in(made, sizeof(made));

    line_put_word(&word, (struct slice){ bytes, len });
    vector_put(t, text_slice(&word), true);
}

static inline void vector_request(char *bytes, size_t len, struct text *t)
{
    struct request request;
    struct problem problem;
    struct request_line line = request_look(bytes, len);
    enum status status = request_parse(&line, ROLE_ADMIN, &request, &problem);

    if (status != STATUS_OK) {
        text_addf(t, "ERR %s", status_row(status)->word);
        return;
    }
    text_adds(t, verb_row(request.verb)->name);
    for (enum key key = 0; key < KEY_COUNT; key++) {
        if (request_has(&request, key))
            vector_put_field(t, &(struct argument){ slice_of(key_name(key)), request.value[key] });
    }
}

static inline void vector_time(char *bytes, size_t len, struct text *t)
{
    int64_t seconds;

    if (!stamp_parse((struct slice){ bytes, len }, &seconds)) {
        text_adds(t, "invalid");
        return;
    }
    text_addf(t, "%lld ", (long long)seconds);
    stamp_write(t, seconds);
}

static inline void vector_duration(char *bytes, size_t len, struct text *t)
{
    int64_t seconds;

    if (!duration_parse((struct slice){ bytes, len }, &seconds)) {
        text_adds(t, "invalid");
        return;
    }
    text_addf(t, "%lld ", (long long)seconds);
    duration_write(t, seconds);
}

/* Outside 0x21-0x7E is malformed before anything is asked: PROTOCOL.md, section 7. */
static inline void vector_value(char *bytes, size_t len, struct text *t)
{
    static const char *const forms[] = {
        [TOKEN_ID] = "identifier",       [TOKEN_BAD_LENGTH] = "malformed",
        [TOKEN_BAD_CHECK] = "malformed", [TOKEN_OURS] = "ours",
        [TOKEN_FOREIGN] = "foreign",
    };
    enum token_form form = token_form((struct slice){ bytes, len }, "jtn");

    for (size_t i = 0; i < len; i++)
        if (bytes[i] < 0x21 || bytes[i] > 0x7e)
            form = TOKEN_BAD_CHECK;
    text_adds(t, forms[form]);
}

static inline void vector_digest(char *bytes, size_t len, struct text *t)
{
    uint8_t digest[DIGEST_SIZE];

    token_digest((struct slice){ bytes, len }, digest);
    text_add_hex(t, digest, sizeof(digest));
    text_addc(t, ' ');
    token_sha256((struct slice){ bytes, len }, digest);
    text_add_hex(t, digest, sizeof(digest));
}

/* Write what the vector `KIND: INPUT` means, with a NUL; the line is changed.  False: it is none. */
static inline bool vector_meaning(char *vector, char meaning[VECTOR_MEANING_MAX])
{
    static const struct {
        const char *kind;
        void (*describe)(char *bytes, size_t len, struct text *t);
    } kinds[] = {
        { "read:", vector_read },         { "write:", vector_write },
        { "request:", vector_request },   { "time:", vector_time },
        { "value:", vector_value },       { "digest:", vector_digest },
        { "duration:", vector_duration },
    };
    struct text t = text_in(meaning, VECTOR_MEANING_MAX - 1);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!slice_begins(slice_of(vector), kinds[i].kind))
            continue;
        char *input = vector + strlen(kinds[i].kind);
        input += *input == ' ';
        kinds[i].describe(input, vector_decode(input), &t);
        meaning[t.len] = '\0';
        return !t.cut;
    }
    return false;
}

/* Read a line, without its end, of at most VECTOR_MEANING_MAX - 1 bytes. */
static inline bool vector_next(FILE *file, char line[VECTOR_MEANING_MAX])
{
    if (fgets(line, VECTOR_MEANING_MAX, file) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

#endif
