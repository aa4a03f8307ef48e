/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that wait until their class of the worker (worker.h) has room for a change again.  First come,
 * first served.  The worker's thread. */
#ifndef JETON_DAEMON_NET_QUEUE_H
#define JETON_DAEMON_NET_QUEUE_H

#include "daemon/session/session.h"

/* Who is in the queue stays where he is. */
void queue_join(struct session *s);

/* Who is not in it stays out. */
void queue_leave(struct session *s);

#endif
