/* SPDX-License-Identifier: Apache-2.0 */
/* Read a verifier's key=value arguments by a table of its keys.  Pure. */
#ifndef JETON_DAEMON_VERIFIERS_ARGUMENTS_H
#define JETON_DAEMON_VERIFIERS_ARGUMENTS_H

#include "daemon/verifiers/verifier.h"
#include "proto/text.h"

struct argument_row {
    const char *key;
    bool (*read)(void *field, struct slice value);
    size_t offset;        /* of the field in the structure that is filled */
    const char *expected; /* "this should be ..." */
    bool repeated;        /* it may come several times; `read` adds to the field */
    bool required;
};

/* Fill `to`, which holds the defaults.  False: `problem` (`size` bytes) says what is wrong. */
bool arguments_read(const struct argument_row *rows, size_t count, void *to,
                    const struct jeton_argument *arguments, size_t given, char *problem,
                    size_t size);

/* Read one value into a field.  Text is a `const char *` into the arguments: copy what must live
 * longer than open(). */
bool argument_text(void *field, struct slice value);     /* const char *; not empty */
bool argument_duration(void *field, struct slice value); /* int64_t seconds */
bool argument_number(void *field, struct slice value);   /* uint64_t */
bool argument_flag(void *field, struct slice value);     /* bool; yes or no */

/* The values of a key that may be repeated. */
enum { ARGUMENT_LIST_MAX = 16 };
struct argument_list {
    size_t count;
    const char *text[ARGUMENT_LIST_MAX];
};
bool argument_append(void *field, struct slice value); /* struct argument_list; not empty */

#endif
