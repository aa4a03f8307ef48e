/* SPDX-License-Identifier: Apache-2.0 */
/* Apply one change inside the transaction: put its outcome and its journal entries into the store.  The
 * writer's thread only. */
#ifndef JETON_DAEMON_WRITER_COMMIT_APPLY_H
#define JETON_DAEMON_WRITER_COMMIT_APPLY_H

#include "daemon/writer/writer_state.h"

/* Apply and put one change, or refuse it.  False: the transaction is spoilt, or a new token would
 * make the file too large. */
bool commit_apply_change(struct writer *w, struct change *c, int64_t now);

/* True if an applied change is refused, because a denial of its token is in force that is not saved yet;
 * it then has the problem. */
bool commit_apply_refuses(struct writer *w, struct change *c);

#endif
