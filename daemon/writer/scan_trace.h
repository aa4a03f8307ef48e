/* SPDX-License-Identifier: Apache-2.0 */
/* The scan that tells all about the token behind a value: the token or its ban, the others of its
 * chain of rotations, and the entries of the journal.  It notes no use.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCAN_TRACE_H
#define JETON_DAEMON_WRITER_SCAN_TRACE_H

#include "daemon/writer/scan_step.h"

/* Fill the next chunk. */
void scan_trace_step(struct step *s);

#endif
