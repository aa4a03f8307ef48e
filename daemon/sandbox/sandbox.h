/* SPDX-License-Identifier: Apache-2.0 */
/* Confine the daemon, in steps; each logs what it could not do.  The main thread only, except for
 * sandbox_protections().
 *
 *     secrets ─▶ (sockets bound, user changed) ─▶ files ─▶ (store, threads) ─▶ system calls
 *
 * `[daemon] sandbox=no` leaves out files and system calls. */
#ifndef JETON_DAEMON_SANDBOX_SANDBOX_H
#define JETON_DAEMON_SANDBOX_SANDBOX_H

#include "daemon/config/config.h"

/* Disable core dumps, tracing by other processes, and gaining rights by execve(). */
void sandbox_secrets(void);

/* Restrict by Landlock the files that this thread and those that it starts later can reach: the
 * store's directory, what the configuration names, and what looking up users and groups needs. */
void sandbox_files(const struct config *c);

/* Restrict by seccomp the system calls of all threads to those that a running daemon makes.
 * `connects`: some verifier may connect to others.  If none does, and looking up users does not
 * either, connect() is denied. */
void sandbox_calls(const struct config *c, bool connects);

/* Whom this process may connect to, from sandbox_calls() on.  Any thread. */
enum sandbox_reach {
    SANDBOX_NO_LIMIT, /* it is not confined, or not yet */
    SANDBOX_NOBODY,
    SANDBOX_UNIX_SOCKETS,
    SANDBOX_NETWORK,
};
enum sandbox_reach sandbox_reach(void);

/* The protections in force. */
struct protections {
    bool no_new_privs;
    bool seccomp;
    bool not_dumpable;
    bool unprivileged;     /* not root, and cannot become root */
    unsigned landlock_abi; /* 0: not in force */
};

/* Ask the kernel which protections are in force.  Any thread. */
struct protections sandbox_protections(void);

#endif
