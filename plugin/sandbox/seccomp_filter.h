/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp filters of processes that serve HTTP: what they have in common, and what each adds to it.  Memory
 * is never executable, new sockets are Unix sockets, signals go to this process only. */
#ifndef JETON_PLUGIN_SANDBOX_SECCOMP_FILTER_H
#define JETON_PLUGIN_SANDBOX_SECCOMP_FILTER_H

#include <seccomp.h>
#include <stddef.h>

#define CALL(name) SCMP_SYS(name)

struct seccomp_filter_rules {
    const int *allowed; /* calls that are allowed with any arguments */
    size_t allowed_count;
    const int *newer; /* those with a rule among the calls that are newer than these lists */
    size_t newer_count;
    int (*add_own)(scmp_filter_ctx filter); /* more rules; 0 or -errno */
};

/* Add a rule, unless this architecture does not have the call.  0 or -errno. */
int seccomp_filter_add(scmp_filter_ctx filter, uint32_t action, int call, unsigned terms,
                       const struct scmp_arg_cmp *term);

/* Add one with the term (argument & mask) == value. */
int seccomp_filter_add_masked(scmp_filter_ctx filter, uint32_t action, int call, unsigned argument,
                              scmp_datum_t mask, scmp_datum_t value);

/* Restrict this thread and those that it starts, for good: other calls end the process.  0 or -errno;
 * -ENOSYS: the kernel has no filters, or this is a sanitizer's build. */
int seccomp_filter_load(const struct seccomp_filter_rules *rules);

#endif
