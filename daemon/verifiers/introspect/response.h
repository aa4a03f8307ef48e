/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluate an introspection response (RFC 7662, 2.2). */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_RESPONSE_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_RESPONSE_H

#include "daemon/verifiers/introspect/options.h"
#include "daemon/verifiers/introspect/result.h"

enum { RESPONSE_MAX = 65536 }; /* bytes of a body */

/* Set *r for a value, from the body of the response about it. */
void response_evaluate(struct slice body, const struct options *o, struct slice value, int64_t now,
                       struct result *r);

#endif
