/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of the harnesses, and their helpers.  A harness is a file fuzz_NAME.c with the two
 * functions below; they are called by libFuzzer (`make fuzz`), or by replay.c with the files in
 * corpus/NAME (`make test`).
 *
 * MUST() asserts a property of every input.  A harness depends neither on random numbers nor on the
 * time, so that a failure can be reproduced. */
#ifndef JETON_FUZZ_H
#define JETON_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

/* A function that is called once, before any input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Between these two lines no coverage is measured: what a harness itself does is not to be
 * explored, and counting it costs as much as running it. */
#ifdef __clang__
#define FUZZ_HARNESS_BEGINS \
    _Pragma("clang attribute push(__attribute__((no_sanitize(\"coverage\"))), apply_to = function)")
#define FUZZ_HARNESS_ENDS _Pragma("clang attribute pop")
#else
#define FUZZ_HARNESS_BEGINS
#define FUZZ_HARNESS_ENDS
#endif

#define MUST(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

__attribute__((noreturn)) static inline void fuzz_fail(const char *condition, const char *file,
                                                       int line)
{
    fprintf(stderr, "[  ERROR   ] --- %s:%d: violated: %s\n", file, line, condition);
    abort();
}

/* An input that is consumed piece by piece; reads beyond its end return zeros. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t consume_byte(struct fuzz_input *f)
{
    if (f->left == 0)
        return 0;
    f->left--;
    return *f->at++;
}

static inline unsigned consume_u16(struct fuzz_input *f)
{
    unsigned low = consume_byte(f);

    return low | (unsigned)consume_byte(f) << 8;
}

/* Consume up to `len` bytes. */
static inline struct slice consume_bytes(struct fuzz_input *f, size_t len)
{
    struct slice taken = { (const char *)f->at, len < f->left ? len : f->left };

    f->at += taken.len;
    f->left -= taken.len;
    return taken;
}

/* Copy bytes into memory of their exact size, so that a sanitizer detects an overrun. */
static inline char *fuzz_copy(struct slice bytes)
{
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1);

    MUST(copy != NULL);
    if (bytes.len > 0)
        memcpy(copy, bytes.at, bytes.len);
    return copy;
}

#endif
