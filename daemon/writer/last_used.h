/* SPDX-License-Identifier: Apache-2.0 */
/* When each token was last used, kept in a TDB of its own beside the store.  The writer's
 * thread only.
 *
 * Coarse by contract: the table notes uses by the minute in memory, and once a minute what changed
 * is written, without fsync, in small steps.  A file that is damaged is started anew. */
#ifndef JETON_DAEMON_WRITER_LAST_USED_H
#define JETON_DAEMON_WRITER_LAST_USED_H

#include "daemon/table/token_table.h"

struct last_used;

/* `store` is the store's path; the file is store.used.  NULL: no memory.  A file that cannot be
 * opened is only a warning: nothing is then remembered across restarts. */
struct last_used *last_used_open(const char *store);
void last_used_close(struct last_used *l);

/* The time of last use, from memory or file; 0: none is known. */
int64_t last_used_get(struct last_used *l, const uint8_t id[ID_SIZE], int64_t in_memory);

void last_used_remove(struct last_used *l, const uint8_t id[ID_SIZE]);

/* Writes some of what changed; true if there is more to do.  Called about every second. */
bool last_used_step(struct last_used *l, struct token_table *p, int64_t now);

/* Writes everything that changed. */
void last_used_flush(struct last_used *l, struct token_table *p, int64_t now);

#endif
