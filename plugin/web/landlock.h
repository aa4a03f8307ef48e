/* SPDX-License-Identifier: Apache-2.0 */
/* Give up the right to open, make or remove files (landlock(7)), and to use TCP ports that are not open
 * yet.  Unix sockets can be connected to as before. */
#ifndef JETON_PLUGIN_WEB_LANDLOCK_H
#define JETON_PLUGIN_WEB_LANDLOCK_H

#include <stddef.h>

/* Files may still be removed from the directories of these paths; NULL among them: none.  Return 0, or
 * -errno: -ENOSYS or -EOPNOTSUPP, if the kernel does not have it. */
int landlock_restrict(const char *const *removable, size_t count);

#endif
