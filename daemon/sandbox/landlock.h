/* SPDX-License-Identifier: Apache-2.0 */
/* The files that the daemon may reach, whatever their owners allow it: Landlock, see landlock(7).
 * Applies to the thread that enters and to those that it starts later, so it is entered
 * before there are any. */
#ifndef JETON_DAEMON_SANDBOX_LANDLOCK_H
#define JETON_DAEMON_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What may be done to files beneath a path, or to the file that it is. */
enum {
    LANDLOCK_READ = 1,   /* read files */
    LANDLOCK_LIST = 2,   /* read directories */
    LANDLOCK_KEEP = 4,   /* make, write, rename and remove files */
    LANDLOCK_REMOVE = 8, /* remove files and sockets */
};

struct landlock {
    int abi; /* 0: the kernel has none of it */
    int ruleset;
    uint64_t handled;
};

/* Everything is forbidden that this kernel can forbid and that is not allowed afterwards: files;
 * TCP, unless `network`; abstract sockets and signals of processes outside.  0 or -errno; -ENOSYS
 * or -EOPNOTSUPP: the kernel has no Landlock. */
int landlock_begin(struct landlock *l, bool network);

/* A path that is not there needs no rule.  0 or -errno. */
int landlock_allow(struct landlock *l, const char *path, unsigned rights);

/* 0 or -errno.  There is no way back.  The process has to have no_new_privs set. */
int landlock_enter(struct landlock *l);

/* Frees it, entered or not. */
void landlock_end(struct landlock *l);

#endif
