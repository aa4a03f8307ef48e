/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way in.  The lane's thread. */
#ifndef JETON_INPUT_H
#define JETON_INPUT_H

#include <sys/types.h>

#include "daemon/session/session.h"

/* Reads once what there is, as far as `in` has room.  How many bytes that is; 0: no more will come;
 * -EAGAIN: nothing, or no room; another -errno: the connection is broken, or there is no memory. */
ssize_t input_take(struct session *s);

#endif
