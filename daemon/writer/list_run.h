/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of list and export: which tokens, and in which order.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_LIST_RUN_H
#define JETON_DAEMON_WRITER_LIST_RUN_H

#include "daemon/writer/scan_step.h"

/* Make one step. */
void list_run_step(struct step *s);

/* Get the times of last uses ready, piece by piece, if those of many tokens are asked for; false: not
 * yet. */
bool list_run_is_ready(struct step *s);

/* Read a token as verifiers see it; STORE_ABSENT also if it is not meant. */
enum store_found list_run_read(struct step *s, const uint8_t id[ID_SIZE], struct record *r,
                               int64_t now);

/* Return where the filter looks. */
struct list_sources list_run_sources(struct step *s);

#endif
