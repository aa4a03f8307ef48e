/* SPDX-License-Identifier: Apache-2.0 */
/* What the harnesses share.  Each is a file fuzz_NAME.c with the two functions below; libFuzzer
 * calls them (`make fuzz`), or replay.c with what lies in corpus/NAME (`make test`).
 *
 * A harness claims with MUST() what holds for every input.  Nothing in it may depend on chance or
 * on the time, so that an input that fails does so again. */
#ifndef JETON_FUZZ_H
#define JETON_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

/* Called once, first. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MUST(claim) ((claim) ? (void)0 : fuzz_fail(#claim, __FILE__, __LINE__))

__attribute__((noreturn)) static inline void fuzz_fail(const char *claim, const char *file,
                                                       int line)
{
    fprintf(stderr, "[  ERROR   ] --- %s:%d: not so: %s\n", file, line, claim);
    abort();
}

/* An input that is taken from piece by piece; what is not there is zero. */
struct feed {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t feed_byte(struct feed *f)
{
    if (f->left == 0)
        return 0;
    f->left--;
    return *f->at++;
}

static inline unsigned feed_short(struct feed *f)
{
    unsigned low = feed_byte(f);

    return low | (unsigned)feed_byte(f) << 8;
}

/* Up to `len` bytes. */
static inline struct slice feed_bytes(struct feed *f, size_t len)
{
    struct slice taken = { (const char *)f->at, len < f->left ? len : f->left };

    f->at += taken.len;
    f->left -= taken.len;
    return taken;
}

/* A copy in memory of just that size, where a sanitizer sees whoever looks beyond it. */
static inline char *fuzz_copy(struct slice bytes)
{
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1);

    MUST(copy != NULL);
    if (bytes.len > 0)
        memcpy(copy, bytes.at, bytes.len);
    return copy;
}

#endif
