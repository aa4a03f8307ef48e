/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for what may hold a token's value: never written to swap, as far as RLIMIT_MEMLOCK allows,
 * and in no core.  Any thread.
 *
 * Blocks of a few sizes are carved out of locked chunks and used again; pages count only once they
 * are touched (MLOCK_ONFAULT).  The token table is not in it: digests are no secret. */
#ifndef JETON_DAEMON_BASE_SECMEM_H
#define JETON_DAEMON_BASE_SECMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At least `size` bytes with anything in them; NULL: no memory. */
void *secmem_new(size_t size);

/* Gives it back; `size` as it was asked for.  Whoever wrote a value there has wiped it.  Takes NULL. */
void secmem_free(void *block, size_t size);

/* True if all of it so far could be locked. */
bool secmem_is_locked(void);

#endif
