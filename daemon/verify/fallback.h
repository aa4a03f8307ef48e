/* SPDX-License-Identifier: Apache-2.0 */
/* A service that clients name, but that has no section: `other` judges in its place, which the reply
 * and the log show, as the name may be mistyped.  Any thread. */
#ifndef JETON_DAEMON_VERIFY_FALLBACK_H
#define JETON_DAEMON_VERIFY_FALLBACK_H

#include "daemon/verify/stack.h"

enum { FALLBACK_NAMES_MAX = 64 };

/* True if the stack judges for a service that was named, but has no section. */
static inline bool fallback_is(const struct stack *stack, struct slice service)
{
    return service.len > 0 && !slice_is(service, stack->service);
}

/* Log a name the first time that it comes: the first FALLBACK_NAMES_MAX names since the start. */
void fallback_log(struct slice service);

/* Add the keys by which a reply shows it. */
void fallback_put(struct text *t, struct slice service);

#endif
