/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a value: an outcome, and the time within which it stands. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_RESULT_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/verifiers/verifier.h"

struct result {
    enum jeton_outcome outcome;     /* pass, fail or error */
    enum jeton_reason reason;       /* of a fail */
    const char *said;               /* of a fail, for the client: a constant, or NULL */
    int64_t from, to;               /* stands for questions with from <= now < to */
    bool late;                      /* error: because the asker's time was up, not another's */
    char message[200];              /* of an error */
    struct jeton_identity identity; /* of a pass */
};

/* An outcome without an identity that always stands. */
void result_set(struct result *j, enum jeton_outcome outcome, enum jeton_reason reason,
                const char *said);

/* An error.  What does not fit or does not print is left out. */
void result_error(struct result *j, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool result_holds(const struct result *j, int64_t now);

/* Fills the answer, and returns what verify() returns.  Behind an earlier verifier's identity it
 * is that identity, narrowed. */
int result_answer(const struct result *j, const struct jeton_question *q, struct jeton_answer *a);

#endif
