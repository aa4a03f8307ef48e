/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon forbids itself once it runs, in steps; each logs what it could not do.
 * The main thread only, sandbox_protections() excepted.
 *
 *     secrets ─▶ sockets bound ─▶ user ─▶ files ─▶ store, threads ─▶ system calls
 *
 * `[daemon] sandbox=no` leaves out files and system calls. */
#ifndef JETON_DAEMON_SANDBOX_SANDBOX_H
#define JETON_DAEMON_SANDBOX_SANDBOX_H

#include "daemon/config/config.h"

/* No core, no looking in from outside, no rights by executing something: first of all. */
void sandbox_secrets(void);

/* Landlock: from here on this thread and those that it starts reach the store's directory, what
 * the configuration names and what looking up a user or group needs, and no other file. */
void sandbox_files(const struct config *c);

/* seccomp: all threads make the system calls that a running daemon makes, and no other. */
void sandbox_calls(const struct config *c);

/* What is in force, as the kernel says.  Any thread. */
struct protections {
    bool no_new_privs;
    bool seccomp;
    bool not_dumpable;
    bool unprivileged;     /* not root, and no way to become it */
    unsigned landlock_abi; /* 0: not in force */
};

struct protections sandbox_protections(void);

#endif
