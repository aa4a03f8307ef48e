/* SPDX-License-Identifier: Apache-2.0 */
/* Restrict the system calls of the process. */
#ifndef JETON_PLUGIN_FLEET_SECCOMP_H
#define JETON_PLUGIN_FLEET_SECCOMP_H

/* Return 0 or -errno; -ENOSYS: the kernel has no filters, or this is a sanitizer's build. */
int seccomp_restrict(void);

#endif
