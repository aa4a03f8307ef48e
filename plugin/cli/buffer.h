/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow at the back.  They may be a token's value, so whatever is dropped,
 * outgrown or freed is wiped.  Without memory the command ends: CLI_UNAVAILABLE. */
#ifndef JETON_PLUGIN_CLI_BUFFER_H
#define JETON_PLUGIN_CLI_BUFFER_H

#include "proto/text.h"

/* The command's exit statuses. */
enum cli_exit {
    CLI_YES = 0,         /* done, or yes */
    CLI_NO = 1,          /* the answer is no */
    CLI_USAGE = 2,       /* the question is wrong */
    CLI_UNAVAILABLE = 3, /* there is no answer, or it could not be passed on */
};

/* All zero is an empty buffer. */
struct cli_buffer {
    char *at;
    size_t len;
    size_t cap;
};

void cli_buffer_add(struct cli_buffer *b, const void *bytes, size_t len);
void cli_buffer_adds(struct cli_buffer *b, const char *string);
void cli_buffer_addc(struct cli_buffer *b, char c);

/* Adds `count` spaces. */
void cli_buffer_pad(struct cli_buffer *b, size_t count);

/* Room for `room` more bytes at the back; how many of them were used is told to _commit(). */
struct text cli_buffer_reserve(struct cli_buffer *b, size_t room);
void cli_buffer_commit(struct cli_buffer *b, const struct text *used);

/* Drops bytes from the front. */
void cli_buffer_drop(struct cli_buffer *b, size_t len);

void cli_buffer_clear(struct cli_buffer *b);
void cli_buffer_free(struct cli_buffer *b);

static inline struct slice cli_buffer_slice(const struct cli_buffer *b)
{
    return (struct slice){ b->at, b->len };
}

#endif
