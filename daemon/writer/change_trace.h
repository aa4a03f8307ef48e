/* SPDX-License-Identifier: Apache-2.0 */
/* The change that a trace begins with: it changes no token, and leaves an entry that tells who traced
 * which.  The writer's thread. */
#ifndef JETON_DAEMON_WRITER_CHANGE_TRACE_H
#define JETON_DAEMON_WRITER_CHANGE_TRACE_H

#include "daemon/writer/change.h"

struct scan;

extern const struct change_kind change_trace;

/* Let a scan trace what the change was about, once that is saved. */
void change_trace_pass(const struct change *c, struct scan *scan);

#endif
