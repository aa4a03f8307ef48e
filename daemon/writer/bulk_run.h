/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a change of many tokens: collect, judge again, change in one transaction, answer.  The
 * writer's thread only. */
#ifndef JETON_DAEMON_WRITER_BULK_RUN_H
#define JETON_DAEMON_WRITER_BULK_RUN_H

#include "daemon/writer/bulk.h"
#include "daemon/writer/scan_step.h"

/* Make one step.  Nothing is written, and scan->waits is set, while the answer is held back. */
void bulk_run_step(struct step *s);

/* End what was begun for it, whatever became of it. */
void bulk_run_end(struct bulk *b, struct writer *w);

#endif
