/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is there whole, or not at all: written under another name beside it, then renamed.  A signal
 * that ends the process removes that name first.  One at a time. */
#ifndef JETON_PLUGIN_CLI_BACKUP_FILE_H
#define JETON_PLUGIN_CLI_BACKUP_FILE_H

#include <stdbool.h>

/* Check whether a file may be made, or replaced: what is there must be a regular file, and not the store
 * of a daemon that runs; nor may it be named as one of the files beside that.  Return why not, or NULL. */
const char *backup_file_fault(const char *path);

/* Begin one, which its owner alone may read; return a descriptor, or -errno. */
int backup_file_begin(const char *path);

/* Have it on the disk, under its name; 0 or -errno.  Then, and if it is given up, nothing else is left. */
int backup_file_keep(void);
void backup_file_give_up(void);

#endif
