/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is looked at in no order: in huge pages where the system has them, as each look at
 * another small page may cost a walk through the page tables.
 *
 * They are made of ordinary memory (MADV_COLLAPSE, Linux 6.1, see madvise(2)), never taken from a
 * reserve that can run out: what cannot be had so stays in small pages, and works the same.  Any
 * thread. */
#ifndef JETON_PROTO_PAGES_H
#define JETON_PROTO_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* mmap(2) from offset 0 of `fd`, at an address where huge pages can lie.  MAP_FAILED and errno on
 * failure.  To be given back with munmap(2). */
void *pages_map(size_t size, int protection, int flags, int fd);

/* Brings whole pages that can be written in all at once, for less than one by one. */
void pages_fill(void *mapping, size_t size);

/* Tries once to move the next of a filled mapping's bytes, of which `*done` were tried (at first 0),
 * into a huge page: that takes some milliseconds, and who looks there meanwhile waits.  A mapping of
 * another process gets that page too.  False: all were tried. */
bool pages_condense(void *mapping, size_t size, size_t *done);

#endif
