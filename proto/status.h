/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses: one row of one table for every answer that jeton gives, with its word on the wire,
 * what it means, whether to retry, and its codes in HTTP and PAM.  No state; any thread. */
#ifndef JETON_PROTO_STATUS_H
#define JETON_PROTO_STATUS_H

#include "proto/text.h"

enum status {
    STATUS_OK,
    /* NO: the question was answered, and the answer is no */
    STATUS_MALFORMED,
    STATUS_UNKNOWN,
    STATUS_IDENTIFIER,
    STATUS_PENDING,
    STATUS_EXPIRED,
    STATUS_DISABLED,
    STATUS_REVOKED,
    STATUS_SCOPE,
    STATUS_SUBJECT,
    STATUS_DENIED,
    /* ERR: the question was not answered */
    STATUS_SYNTAX,
    STATUS_TOO_LONG,
    STATUS_UNKNOWN_VERB,
    STATUS_UNKNOWN_KEY,
    STATUS_DUPLICATE_KEY,
    STATUS_MISSING,
    STATUS_BAD_VALUE,
    STATUS_TOO_SHORT,
    STATUS_FORBIDDEN,
    STATUS_EXISTS,
    STATUS_BANNED,
    STATUS_POLICY,
    STATUS_GONE,
    STATUS_PLACE,
    STATUS_NO_BATCH,
    STATUS_TOO_LARGE,
    STATUS_COUNT_DIFFERS,
    STATUS_FULL,
    STATUS_STORE,
    STATUS_BUSY,
    STATUS_UNAVAILABLE,
    STATUS_INTERNAL,
    STATUS_COUNT
};

enum answer_kind { ANSWER_OK, ANSWER_NO, ANSWER_ERR };

struct status_row {
    enum answer_kind kind;
    const char *word;
    const char *meaning; /* for people: printable words; also the default message= of a reply */
    bool retry;          /* the same request may succeed later */
    int http;
    const char *pam; /* name of the code in PAM's account management, which pam_jeton returns */
};

/* Return the row of a status; never NULL for a member of the enumeration. */
const struct status_row *status_row(enum status status);

/* Return the status with this word among those of a kind, or STATUS_COUNT if this version does not
 * know it. */
enum status status_named(enum answer_kind kind, struct slice word);

#endif
