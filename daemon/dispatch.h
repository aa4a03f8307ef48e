/* SPDX-License-Identifier: Apache-2.0 */
/* From the lines of a session to what answers them: one row of a table for each verb.
 * The lane's thread. */
#ifndef JETON_DISPATCH_H
#define JETON_DISPATCH_H

#include "daemon/session.h"

/* Does what can be done now with what is in the session's `in`; replies go to its `out`. */
void dispatch_run(struct session *s);

#endif
