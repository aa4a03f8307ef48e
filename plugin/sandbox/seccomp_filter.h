/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp filters of processes that serve HTTP: what they have in common, and what each adds to it.  Memory
 * is never executable, new sockets are Unix sockets, signals go to this process only. */
#ifndef JETON_PLUGIN_SANDBOX_SECCOMP_FILTER_H
#define JETON_PLUGIN_SANDBOX_SECCOMP_FILTER_H

#include <seccomp.h>
#include <stddef.h>

#define CALL(name) SCMP_SYS(name)

/* Add a rule, unless this architecture does not have the call.  0 or -errno. */
int seccomp_filter_add(scmp_filter_ctx filter, uint32_t action, int call, unsigned terms,
                       const struct scmp_arg_cmp *term);

/* Add one with the term (argument & mask) == value. */
int seccomp_filter_add_masked(scmp_filter_ctx filter, uint32_t action, int call, unsigned argument,
                              scmp_datum_t mask, scmp_datum_t value);

/* Restrict this thread and those that it starts, for good: to these calls with any arguments, and what
 * add_own() adds, which returns 0 or -errno.  Other calls end the process, but those that are newer than the
 * lists fail.  0 or -errno; -ENOSYS: the kernel has no filters, or this is a sanitizer's build. */
int seccomp_filter_load(const int *allowed, size_t count, int (*add_own)(scmp_filter_ctx filter));

#endif
