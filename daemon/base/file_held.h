/* SPDX-License-Identifier: Apache-2.0 */
/* Whether others still have a file that was handed out by a descriptor.  Any thread. */
#ifndef JETON_DAEMON_BASE_FILE_HELD_H
#define JETON_DAEMON_BASE_FILE_HELD_H

#include <stdbool.h>

/* True if the file is open, mapped or under way by any other descriptor than this one, which must be of a
 * file of ours.  Where the file system cannot tell, false. */
bool file_is_held(int fd);

#endif
