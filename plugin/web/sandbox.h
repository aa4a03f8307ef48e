/* SPDX-License-Identifier: Apache-2.0 */
/* What this process gives up, as it never needs it. */
#ifndef JETON_PLUGIN_WEB_SANDBOX_H
#define JETON_PLUGIN_WEB_SANDBOX_H

#include <stddef.h>

/* From the start on: no other process of the user may look into this one. */
void sandbox_hide(void);

/* Once all is open, and the browser started: no core dump, no new privileges, no files but the removal
 * of those from the directories of these paths (NULL among them: none), few system calls.  What the
 * kernel does not have is left out; what fails is logged. */
void sandbox_enter(const char *const *removable, size_t count);

#endif
