/* SPDX-License-Identifier: Apache-2.0 */
/* Allocate memory that may hold a token's value: it is kept out of swap, as far as RLIMIT_MEMLOCK
 * allows, and out of core dumps.  Any thread.
 *
 * Blocks of a few sizes are carved out of locked chunks and reused; a page is locked only once it
 * is touched (MLOCK_ONFAULT).  A chunk is given back when a crowd has left.  The token table is
 * elsewhere: digests are no secret. */
#ifndef JETON_DAEMON_BASE_SECMEM_H
#define JETON_DAEMON_BASE_SECMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Return at least `size` bytes, uninitialised; NULL: no memory. */
void *secmem_new(size_t size);

/* Free a block; `size` is the size it was allocated with.  The caller has wiped values.  NULL is
 * allowed. */
void secmem_free(void *block, size_t size);

/* Give memory back to the kernel that was not needed since the last call, as far as no block of its
 * chunk is in use.  Call it every few seconds; it takes some milliseconds after a crowd has left. */
void secmem_trim(void);

/* True unless locking some of it has failed. */
bool secmem_is_locked(void);

#endif
