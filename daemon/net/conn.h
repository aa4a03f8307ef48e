/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: a session with its events and deadlines.  Made by the main thread, then owned by
 * the worker whose mailbox it is posted to. */
#ifndef JETON_DAEMON_NET_CONN_H
#define JETON_DAEMON_NET_CONN_H

#include "daemon/session/session.h"

struct conn;

/* Take over the descriptor, and the connection counted by client_limit_acquire().  NULL: no memory;
 * the caller still has both. */
struct conn *conn_new(struct worker *worker, int fd, enum role role, const struct peercred *peer);

/* Return the mail to post to the worker's mailbox; once it is delivered, the connection reads. */
struct mail *conn_mail(struct conn *c);

/* Return the next connection of the worker; the list begins with worker->conns. */
struct conn *conn_next(const struct conn *c);

/* Close the connection if it has been idle or in the middle of a line for too long, and retry to
 * add events that there was no memory for.  Call once a second. */
void conn_tick(struct conn *c, int64_t now);

/* Read what was sent so far, and no more; then the connection closes by itself. */
void conn_wind_down(struct conn *c);

/* Close the connection now.  If another thread has something of it, it is freed when that comes
 * back. */
void conn_close(struct conn *c);

#endif
