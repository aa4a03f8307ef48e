/* SPDX-License-Identifier: Apache-2.0 */
/* Restrict by Landlock (landlock(7)) which files the daemon can reach, whatever their modes allow.
 * A ruleset applies to the thread that enters it and to those that it starts later: the main thread
 * enters it before there are others. */
#ifndef JETON_DAEMON_SANDBOX_LANDLOCK_H
#define JETON_DAEMON_SANDBOX_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Rights to a file, or to all files beneath a directory. */
enum {
    LANDLOCK_READ = 1,   /* read files */
    LANDLOCK_LIST = 2,   /* read directories */
    LANDLOCK_WRITE = 4,  /* read, create, write, rename and remove files */
    LANDLOCK_REMOVE = 8, /* remove files and sockets */
};

struct landlock {
    int abi; /* 0: the kernel has no Landlock */
    int ruleset;
    uint64_t handled;
};

/* Begin a ruleset that forbids all that this kernel can forbid: access to files; TCP, unless
 * `network`; abstract sockets of, and signals to, processes outside.  0 or -errno; -ENOSYS or
 * -EOPNOTSUPP: the kernel has no Landlock. */
int landlock_begin(struct landlock *l, bool network);

/* Add a rule that grants rights to a path.  0, also if the path does not exist, or -errno. */
int landlock_allow(struct landlock *l, const char *path, unsigned rights);

/* Restrict the calling thread, for good; it must have no_new_privs set.  0 or -errno. */
int landlock_enter(struct landlock *l);

/* Free the ruleset, entered or not. */
void landlock_end(struct landlock *l);

#endif
