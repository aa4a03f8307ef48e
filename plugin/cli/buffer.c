/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/buffer.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAP_FIRST = 4096 };

static void grow(struct cli_buffer *b, size_t size)
{
    struct cli_buffer bigger = { .len = b->len, .cap = b->cap > 0 ? b->cap : CAP_FIRST };

    while (bigger.cap - bigger.len < size)
        bigger.cap *= 2;
    bigger.at = malloc(bigger.cap);
    if (bigger.at == NULL) {
        fputs("jeton: no memory\n", stderr);
        exit(CLI_EXIT_UNAVAILABLE);
    }
    if (b->len > 0)
        memcpy(bigger.at, b->at, b->len);
    cli_buffer_free(b);
    *b = bigger;
}

struct text cli_buffer_reserve(struct cli_buffer *b, size_t size)
{
    if (b->at == NULL || b->cap - b->len < size)
        grow(b, size);
    return text_in(b->at + b->len, b->cap - b->len);
}

void cli_buffer_commit(struct cli_buffer *b, const struct text *written)
{
    b->len += written->len;
}

void cli_buffer_add(struct cli_buffer *b, const void *bytes, size_t len)
{
    struct text t = cli_buffer_reserve(b, len);

    text_add(&t, bytes, len);
    cli_buffer_commit(b, &t);
}

void cli_buffer_adds(struct cli_buffer *b, const char *string)
{
    cli_buffer_add(b, string, strlen(string));
}

void cli_buffer_addc(struct cli_buffer *b, char c)
{
    cli_buffer_add(b, &c, 1);
}

void cli_buffer_pad(struct cli_buffer *b, size_t count)
{
    struct text t = cli_buffer_reserve(b, count);

    while (t.len < count)
        text_addc(&t, ' ');
    cli_buffer_commit(b, &t);
}

void cli_buffer_drop(struct cli_buffer *b, size_t len)
{
    if (len == 0)
        return;
    b->len -= len;
    memmove(b->at, b->at + len, b->len);
    sodium_memzero(b->at + b->len, len);
}

void cli_buffer_clear(struct cli_buffer *b)
{
    cli_buffer_drop(b, b->len);
}

void cli_buffer_free(struct cli_buffer *b)
{
    if (b->at != NULL)
        sodium_memzero(b->at, b->len);
    free(b->at);
    *b = (struct cli_buffer){ .at = NULL };
}
