/* SPDX-License-Identifier: Apache-2.0 */
/* What a handle consists of: the table, and the channels to the daemon.  Any thread, but for
 * a channel: that is its owner's, who holds its lock.
 *
 * A handle has a few channels: connections, each with a lock.  A thread takes the first that is free,
 * so that a quiet host has one connection and a busy one is not held up by one slow answer.  The
 * last channel belongs to the non-blocking calls and needs no lock.
 *
 * All that a child must not share with its parent (locks, connections, counters of readers) is
 * in struct own, in pages that the kernel wipes at fork(): the child finds zeros, which is how each
 * of these begins, and no pid need be compared nor a handler registered.  Only the marks of the
 * descriptors and the mapped tables are inherited. */
#ifndef JETON_PLUGIN_LIB_HANDLE_H
#define JETON_PLUGIN_LIB_HANDLE_H

#include <sys/un.h>

#include "plugin/lib/query.h"
#include "plugin/lib/jeton.h"
#include "plugin/lib/connection.h"
#include "plugin/lib/lock.h"
#include "plugin/lib/table_view.h"

enum {
    HANDLE_CHANNELS = 4, /* as many as the daemon has workers at most */
    HANDLE_WAITING_MAX = 250,
};

struct channel {
    struct lock lock;
    struct jeton *handle;
    struct connection link;
};

struct own {
    struct table_view_gate gate;
    struct table_view_uses uses;
    _Alignas(64) _Atomic int64_t report_at; /* CLOCK_REALTIME seconds */
    _Atomic int64_t table_at;               /* deadline_now() */
    _Alignas(64) struct lock replacing;     /* guards views, but for reading */
    struct channel channel[HANDLE_CHANNELS + 1];
    struct query query[HANDLE_WAITING_MAX];
};

struct jeton {
    struct table_views views;
    struct own *own;
    unsigned flags;
    _Atomic unsigned timeout;
    struct fd_identity mark[HANDLE_CHANNELS + 1];
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char service[SERVICE_MAX + 1];
};

/* True if this process knows the answer. */
bool handle_ask_table(struct jeton *h, const struct question *q, struct jeton_claims *claims,
                      enum jeton_status *status);

/* The same for at most TABLE_VIEW_BATCH; those that are `good` have their verdict. */
void handle_ask_table_all(struct jeton *h, struct table_view_asked *asked, size_t count);

/* Connects a channel, as connection_open(). */
int handle_open_channel(struct jeton *h, struct channel *channel, int64_t deadline);

/* A free channel, or one that becomes free before the deadline, locked; or NULL. */
struct channel *handle_take_channel(struct own *own, int64_t deadline);

/* Until everything asked through the link is answered. */
void handle_wait(struct connection *l, int64_t deadline);

/* Asks for the table, if there is none that holds and it is this caller's turn. */
bool handle_fetch_table(struct channel *channel, int64_t deadline);

/* Reports uses, without waiting.  True: there may be more. */
bool handle_send_uses(struct jeton *h, struct channel *channel);

#endif
