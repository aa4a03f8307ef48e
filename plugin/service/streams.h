/* SPDX-License-Identifier: Apache-2.0 */
/* The standard streams of a process that begins.  The only thread. */
#ifndef JETON_PLUGIN_SERVICE_STREAMS_H
#define JETON_PLUGIN_SERVICE_STREAMS_H

#include <stdbool.h>

/* Open /dev/null on those of descriptors 0 to 2 that are closed.  A socket would get their number, and
 * the log would be written into it.  False: that failed. */
bool streams_open(void);

#endif
