/* SPDX-License-Identifier: Apache-2.0 */
/* A buffer that grows.  Its bytes may be a token's value, so they are wiped when they are dropped,
 * moved or freed.  Without memory the command exits with CLI_EXIT_UNAVAILABLE. */
#ifndef JETON_PLUGIN_CLI_BUFFER_H
#define JETON_PLUGIN_CLI_BUFFER_H

#include "plugin/cli/exit.h"
#include "proto/text.h"

/* An empty buffer is all zero. */
struct cli_buffer {
    char *at;
    size_t len;
    size_t cap;
};

void cli_buffer_add(struct cli_buffer *b, const void *bytes, size_t len);
void cli_buffer_adds(struct cli_buffer *b, const char *string);
void cli_buffer_addc(struct cli_buffer *b, char c);

/* Add `count` spaces. */
void cli_buffer_pad(struct cli_buffer *b, size_t count);

/* Make space for `size` more bytes at the end; _commit() adds those that were written. */
struct text cli_buffer_reserve(struct cli_buffer *b, size_t size);
void cli_buffer_commit(struct cli_buffer *b, const struct text *written);

/* Drop bytes from the front. */
void cli_buffer_drop(struct cli_buffer *b, size_t len);

void cli_buffer_clear(struct cli_buffer *b);
void cli_buffer_free(struct cli_buffer *b);

static inline struct slice cli_buffer_slice(const struct cli_buffer *b)
{
    return (struct slice){ b->at, b->len };
}

#endif
