/* SPDX-License-Identifier: Apache-2.0 */
/* Put a backup in the place of the store, without a daemon, and keep what the store denied. */
#ifndef JETON_DAEMON_OFFLINE_RESTORE_H
#define JETON_DAEMON_OFFLINE_RESTORE_H

#include "daemon/config/config.h"

/* Restore a file, and print what was done.  If this is root's process, it first becomes the owner
 * of the store for good.  The store that was there is kept under another name; a new epoch begins.
 * False: *problem says why not, and the store is unchanged. */
bool restore_run(const struct config *c, const char *file, struct problem *problem);

#endif
