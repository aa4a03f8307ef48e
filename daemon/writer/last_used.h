/* SPDX-License-Identifier: Apache-2.0 */
/* When each token was last used, kept in a TDB of its own beside the store.  The writer's
 * thread only.
 *
 * Coarse by contract: the table notes uses by the minute in memory, and once a minute what changed
 * is written, without fsync, in small steps.  A file that is damaged is started anew. */
#ifndef JETON_LASTUSE_H
#define JETON_LASTUSE_H

#include "daemon/table/token_table.h"

struct lastuse;

/* `store` is the store's path; the file is store.used.  NULL: no memory.  A file that cannot be
 * opened is only a warning: nothing is then remembered across restarts. */
struct lastuse *lastuse_open(const char *store);
void lastuse_close(struct lastuse *l);

/* The time of last use, from memory or file; 0: none is known. */
int64_t lastuse_get(struct lastuse *l, const uint8_t id[ID_SIZE], int64_t in_memory);

void lastuse_forget(struct lastuse *l, const uint8_t id[ID_SIZE]);

/* Writes some of what changed; true if there is more to do.  Called about every second. */
bool lastuse_step(struct lastuse *l, struct publisher *p, int64_t now);

/* Writes everything that changed. */
void lastuse_flush(struct lastuse *l, struct publisher *p, int64_t now);

#endif
