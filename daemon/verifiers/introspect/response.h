/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of an OAuth server to an introspection request (RFC 7662, section 2.2). */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_RESPONSE_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_RESPONSE_H

#include "daemon/verifiers/introspect/result.h"
#include "daemon/verifiers/introspect/options.h"

enum { RESPONSE_MAX = 65536 }; /* bytes of a body */

/* Judges the value that was asked about by what was answered, at a time. */
void response_judge(struct slice body, const struct options *o, struct slice value, int64_t now,
                    struct result *j);

#endif
