/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp: the system calls that this process makes while it runs. */
#ifndef JETON_PLUGIN_GATEWAY_SECCOMP_H
#define JETON_PLUGIN_GATEWAY_SECCOMP_H

/* Restrict this thread and those that it starts, for good: other calls end the process.  0 or -errno;
 * -ENOSYS: the kernel has no filters, or this is a sanitizer's build. */
int seccomp_restrict(void);

#endif
