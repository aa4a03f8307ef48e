/* SPDX-License-Identifier: Apache-2.0 */
/* Static tracepoints (USDT); each costs a nop.
 *
 *     jeton:verify   service, answer (both text)      a verification is answered
 *     jeton:commit   changes, nanoseconds             a transaction was saved; failed: 0 changes
 *     jeton:publish  changes, newest serial           ... and published in the table
 *
 *     bpftrace -e 'usdt:/usr/sbin/jetond:jeton:verify { @[str(arg0), str(arg1)] = count(); }' */
#ifndef JETON_DAEMON_BASE_PROBE_H
#define JETON_DAEMON_BASE_PROBE_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define PROBE(name, first, second) DTRACE_PROBE2(jeton, name, first, second)
#endif
#endif

#ifndef PROBE
#define PROBE(name, first, second) ((void)(first), (void)(second))
#endif

#endif
