/* SPDX-License-Identifier: Apache-2.0 */
/* Allow only the system calls that serving needs; any other ends the process. */
#ifndef JETON_PLUGIN_WEB_SECCOMP_H
#define JETON_PLUGIN_WEB_SECCOMP_H

/* Return 0 or -errno; -ENOSYS: this kernel or this build does not have it. */
int seccomp_restrict(void);

#endif
