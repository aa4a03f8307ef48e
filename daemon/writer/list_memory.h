/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that sorted lists have together, some of which their clients may never read.  Any thread.
 *
 * A user may have a fifth of what is left by all others, so that lists which one user leaves unread
 * make no other's slow, and each further user's share is smaller by a fifth.  Beyond that a list gets
 * the little that it cannot do without, which the limit of connections bounds. */
#ifndef JETON_DAEMON_WRITER_LIST_MEMORY_H
#define JETON_DAEMON_WRITER_LIST_MEMORY_H

#include <stddef.h>
#include <sys/types.h>

/* Take memory for at most `most` units of so many bytes; return for how many: at least the lesser of
 * `most` and `least`.  0: no memory. */
size_t list_memory_take(uid_t uid, size_t unit, size_t most, size_t least);

/* Give so many bytes back that a user took. */
void list_memory_give(uid_t uid, size_t bytes);

#endif
