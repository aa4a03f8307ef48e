/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: its descriptor, events and deadlines around a session.  Made by the
 * listening thread, then owned by the worker it is mailed to. */
#ifndef JETON_DAEMON_NET_CONN_H
#define JETON_DAEMON_NET_CONN_H

#include "daemon/session/session.h"

struct conn;

/* Takes over the descriptor and a place in the client_limit.  NULL: no memory; the caller still has both. */
struct conn *conn_new(struct worker *worker, int fd, enum role role, const struct peercred *peer);

/* To be posted to the worker's mailbox; there the connection goes to work. */
struct mail *conn_mail(struct conn *c);

/* The next connection of the worker; the list begins with worker->conns. */
struct conn *conn_next(const struct conn *c);

/* Once a second: closes what has been idle or in the middle of a line for too long, and waits for
 * what could not be waited for. */
void conn_tick(struct conn *c, int64_t now);

/* Nothing more is read than what has been sent so far; then it closes by itself. */
void conn_wind_down(struct conn *c);

/* Closes now.  If something of it is with another thread, it is freed when that comes back. */
void conn_close(struct conn *c);

#endif
