/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of list and export: which tokens, and in which order.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_LIST_RUN_H
#define JETON_DAEMON_WRITER_LIST_RUN_H

#include "daemon/writer/scan_step.h"

/* Make one step. */
void list_run_step(struct step *s);

/* Return when a token was last used, if the filter asks for it; otherwise 0. */
int64_t list_run_use(struct step *s, const struct record *r);

/* Return where the filter looks. */
struct list_sources list_run_sources(struct step *s);

#endif
