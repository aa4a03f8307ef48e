/* SPDX-License-Identifier: Apache-2.0 */
/* Why a request was refused, for the ERR line.  No state; any thread. */
#ifndef JETON_PROTO_PROBLEM_H
#define JETON_PROTO_PROBLEM_H

#include "proto/status.h"

struct problem {
    enum status status;
    char message[240];
};

/* Fill a problem; return its status. */
enum status problem_set(struct problem *problem, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
