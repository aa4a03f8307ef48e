/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for random access, in huge pages where the system has them: with small pages, each access
 * to another page may cost a walk through the page tables.
 *
 * Huge pages are made of ordinary memory (MADV_COLLAPSE, Linux 6.1, see madvise(2)), never taken
 * from a reserve that can run out: memory for which there are none stays in small pages and works
 * the same.  No state; any thread. */
#ifndef JETON_PROTO_PAGES_H
#define JETON_PROTO_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* Map like mmap(2) from offset 0 of `fd`, at an address that is aligned for huge pages.  Return
 * MAP_FAILED and errno on failure.  The caller unmaps it with munmap(2). */
void *pages_map(size_t size, int protection, int flags, int fd);

/* Allocate all pages of a writable mapping at once, which is cheaper than by page faults. */
void pages_fill(void *mapping, size_t size);

/* Try to move the next part of a filled mapping into a huge page, and add its size to *done (at
 * first 0).  That takes some milliseconds, in which access to that part waits.  Mappings of the
 * same file in other processes get the huge page, too.  Return false when all parts were tried. */
bool pages_condense(void *mapping, size_t size, size_t *done);

#endif
