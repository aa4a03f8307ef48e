/* SPDX-License-Identifier: Apache-2.0 */
/* A handle: the table, and the channels to the daemon.
 *
 * Any thread may use a handle.  A channel belongs to the thread that holds its lock.
 *
 * A handle has a few channels: connections, each with a lock.  A thread takes the first that is
 * free, so that a quiet host has one connection and a busy one is not held up by one slow answer.
 * The last channel belongs to the non-blocking calls and needs no lock.
 *
 * All that a child must not share with its parent (locks, connections, counters of readers) is in
 * struct process_state, in pages that the kernel wipes at fork(): the child finds zeros, which is
 * how each of these begins, so no pid is compared and no fork handler registered.  Only the
 * identities of the descriptors and the mapped tables are inherited. */
#ifndef JETON_PLUGIN_LIB_HANDLE_H
#define JETON_PLUGIN_LIB_HANDLE_H

#include <sys/un.h>

#include "plugin/lib/connection.h"
#include "plugin/lib/jeton.h"
#include "plugin/lib/lock.h"
#include "plugin/lib/query.h"
#include "plugin/lib/table_view.h"

enum {
    HANDLE_CHANNELS = 4, /* as many as the daemon has workers by default, at most */
    HANDLE_QUERIES_MAX = 250,
};

struct channel {
    struct lock lock;
    struct jeton *handle;
    struct connection connection;
};

/* Wiped at fork(). */
struct process_state {
    struct table_view_readers readers;
    struct recent_uses recent_uses;
    struct recent_uses recent_refusals;
    _Alignas(64) _Atomic int64_t next_report; /* in CLOCK_REALTIME seconds */
    _Atomic int64_t next_fetch;               /* when to fetch the table; 0: at once */
    _Alignas(64) struct lock views_lock;      /* for replacing and reaping views */
    struct channel channel[HANDLE_CHANNELS + 1];
    struct query query[HANDLE_QUERIES_MAX]; /* for the non-blocking calls */
};

struct jeton {
    struct table_views views;
    struct process_state *process;
    unsigned flags;
    _Atomic unsigned timeout; /* milliseconds */
    struct fd_identity identity[HANDLE_CHANNELS + 1];
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char service[SERVICE_MAX + 1];
};

/* Look a token up in the table, and report recent uses if that is due.  Return false if the daemon
 * must be asked. */
bool handle_lookup(struct jeton *h, const struct question *q, struct jeton_claims *claims,
                   enum jeton_status *status);

/* Do the same for at most TABLE_VIEW_BATCH_MAX tokens and set `answered` of each. */
void handle_lookup_batch(struct jeton *h, struct table_view_batch_item *items, size_t count);

/* Connect a channel; arguments and result as of connection_open(). */
int handle_open_channel(struct jeton *h, struct channel *channel, int64_t deadline);

/* Lock a free channel, or one that becomes free before the deadline; NULL if none does. */
struct channel *handle_lock_channel(struct process_state *process, int64_t deadline);

/* Wait until every pending request of the connection is answered, which the deadline ensures. */
void handle_wait(struct connection *c, int64_t deadline);

/* Request the table if there is no valid one and it is time to try.  True if a reply will come. */
bool handle_fetch_table(struct channel *channel, int64_t deadline);

/* Report recent uses and refusals on the channel, without waiting.  True if there may be more. */
bool handle_report_uses(struct jeton *h, struct channel *channel);

#endif
