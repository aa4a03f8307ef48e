/* SPDX-License-Identifier: Apache-2.0 */
/* Apply one change inside the transaction: put its outcome and its journal entries into the store.  The
 * writer's thread only. */
#ifndef JETON_DAEMON_WRITER_COMMIT_APPLY_H
#define JETON_DAEMON_WRITER_COMMIT_APPLY_H

#include "daemon/writer/writer_state.h"

/* Apply and put one change, or refuse it.  False: the transaction is spoilt, or a new token would
 * make the file too large. */
bool commit_apply_change(struct writer *w, struct change *c, int64_t now);

/* Find out what a change makes of its token, or why it is refused, without putting anything; its problem
 * says which.  False: the store cannot be read. */
bool commit_apply_try(struct writer *w, struct change *c, int64_t now);

#endif
