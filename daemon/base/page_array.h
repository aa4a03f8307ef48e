/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for large arrays that grow, in mappings of their own.  Growth moves pages instead of copying
 * them, by an eighth at a time, so there is never a second copy; what is not written yet takes no
 * memory, and all of it is given back to the kernel at once.  No state; any thread. */
#ifndef JETON_DAEMON_BASE_PAGE_ARRAY_H
#define JETON_DAEMON_BASE_PAGE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Make an array of *capacity elements of `size` bytes, at most a page each, one of at least `needed`; do nothing if it is
 * that already.  New elements are all zeros.  `array`: NULL and 0 at first.  Return where it is now; NULL: no
 * memory, and the array stays as it is. */
void *page_array_grow(void *array, size_t *capacity, size_t size, size_t needed);

/* Free it.  NULL is allowed. */
void page_array_free(void *array, size_t capacity, size_t size);

#endif
