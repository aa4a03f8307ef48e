/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that a running daemon may make.
 *
 * Whatever is not on the list ends the process: no part of it has a reason to ask.  Refused without
 * that are calls that libraries try and do without (clone3, other ioctls), and those whose refusal
 * an administrator may meet by a setting: sockets of other families than AF_UNIX. */
#ifndef JETON_DAEMON_SANDBOX_SECCOMP_H
#define JETON_DAEMON_SANDBOX_SECCOMP_H

#include <stdbool.h>

/* Applies to all threads, those to come included; there is no way back.  `network`: a verifier may
 * ask other hosts.  0 or -errno; -ENOSYS: the kernel has no filters, or this is a build for which
 * they make no sense. */
int seccomp_confine(bool network);

#endif
