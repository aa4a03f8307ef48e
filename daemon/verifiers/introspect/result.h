/* SPDX-License-Identifier: Apache-2.0 */
/* The result of an introspection: an outcome, and the time in which it is valid. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_RESULT_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/verifiers/verifier.h"

struct result {
    enum jeton_outcome outcome;      /* pass, fail or error */
    enum jeton_reason reason;        /* of a fail */
    const char *client_message;      /* of a fail: a constant, or NULL */
    int64_t valid_from, valid_until; /* valid_from <= now < valid_until */
    bool timed_out;                  /* error: at the deadline of the thread that asked */
    char log_message[200];           /* of an error */
    struct jeton_identity identity;  /* of a pass */
};

/* Set an outcome without an identity, valid at any time. */
void result_set(struct result *r, enum jeton_outcome outcome, enum jeton_reason reason,
                const char *client_message);

/* Set an error.  Its message is truncated to the size there is, and made printable. */
void result_error(struct result *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool result_is_valid(const struct result *r, int64_t now);

/* Fill in the answer, and return its enum jeton_outcome.  If an earlier verifier has supplied an
 * identity, that one is kept and narrowed. */
int result_answer(const struct result *r, const struct jeton_question *q, struct jeton_answer *a);

#endif
