/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: the files that this process can reach, see landlock(7). */
#ifndef JETON_PLUGIN_SANDBOX_LANDLOCK_H
#define JETON_PLUGIN_SANDBOX_LANDLOCK_H

enum landlock_right {
    LANDLOCK_READ,
    LANDLOCK_REMOVE,
    LANDLOCK_REPLACE, /* write files anew, and rename them */
};

/* Begin a ruleset that denies all files, TCP, and signals to others, as far as the kernel knows them.
 * Return it, or -errno. */
int landlock_begin(void);

/* The same, but that it may connect by TCP. */
int landlock_begin_client(void);

/* Allow a path and what is below; one that is not there is none.  0 or -errno. */
int landlock_allow(int ruleset, const char *path, enum landlock_right right);

/* Put it in force, unless there was an error before; close it.  0 or -errno. */
int landlock_enter(int ruleset, int error);

#endif
