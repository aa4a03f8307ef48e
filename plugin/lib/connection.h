/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to the daemon: requests go out, replies come back in the same order.
 *
 * Owned by one thread at a time.  Only connection_open() and connection_wait() wait, and those no
 * longer than their deadline (of plugin/lib/deadline.h).  The struct may lie in memory that a child
 * finds zeroed after fork(): zeroed memory is a connection that is not open.  Its fd_identity lies
 * elsewhere, so that the child can close the descriptor it inherited. */
#ifndef JETON_PLUGIN_LIB_CONNECTION_H
#define JETON_PLUGIN_LIB_CONNECTION_H

#include "plugin/lib/deadline.h"
#include "plugin/lib/fd_identity.h"
#include "proto/limits.h"
#include "proto/reply.h"

enum { CONNECTION_PENDING_MAX = 256, CONNECTION_OUT_MAX = 4 * LINE_MAX_BYTES };

/* The answer to a request: a final line, or none, with STATUS_UNAVAILABLE.  A reason that this
 * version does not know is STATUS_DENIED, a code STATUS_UNAVAILABLE.  The descriptor is closed
 * after `done`, unless `done` keeps it and sets `fd` to -1. */
struct connection_reply {
    bool received; /* false: the connection broke, or was given up */
    enum status status;
    const struct line *line; /* the whole final line, valid while `done` runs; NULL: not received */
    int fd;                  /* the descriptor that came with it, or -1 */
};

typedef void connection_done(void *context, struct connection_reply *reply);

/* A request that is not answered yet. */
struct connection_pending {
    connection_done *done;
    void *context;
    int64_t deadline;
    bool wants_fd; /* a descriptor may come with the reply */
};

struct connection {
    struct fd_identity *identity; /* NULL: not open */
    bool table_refused;           /* for the owner: the daemon will not grant the table here */
    bool used_refused;            /* for the owner: the daemon will not accept reports here */
    bool refusals_refused; /* for the owner: nor of refusals, which older daemons do not know */
    int received_fd;       /* belongs to a reply that is not complete yet, or -1 */
    unsigned first;        /* ring of pending requests */
    unsigned count;
    struct connection_pending pending[CONNECTION_PENDING_MAX];
    size_t in_len;
    size_t out_begin;
    size_t out_end;
    char in[LINE_MAX_BYTES];
    char out[CONNECTION_OUT_MAX];
    /* Here and not on the stack, of which hosts may give little: a line that is taken apart, or one
     * that the owner puts together.  Neither is needed any more when `done` of a query runs. */
    char line[LINE_MAX_BYTES];
};

/* Connect, and only then close what the connection or the identity had before, so that the new
 * descriptor has another number.  If `deadline` is 0, do not wait.  Return 0 or -errno; -EPERM and
 * -ELOOP mean that the path, or the server, is not to be trusted. */
int connection_open(struct connection *c, struct fd_identity *identity, const char *path,
                    int64_t deadline);

/* True if it is open and its descriptor is still ours. */
bool connection_is_open(const struct connection *c);

/* True if it is open, nothing is pending, and the daemon has neither hung up nor sent anything. */
bool connection_is_idle(const struct connection *c);

/* Close the connection, unless its descriptor now belongs to somebody else.  Complete pending
 * requests as not received. */
void connection_close(struct connection *c);

/* Queue a request, a whole line, which is wiped once it is sent.  `done` is called once, from
 * connection_step() or connection_close(); it may queue others.  Return false if the connection is
 * not open, or its buffer or ring is full. */
bool connection_enqueue(struct connection *c, struct slice request, bool wants_fd,
                        connection_done *done, void *context, int64_t deadline);

/* Send what can be sent without waiting; 0 or -errno. */
int connection_send(struct connection *c);

/* Send and receive what is possible without waiting, and call `done` for every reply received.
 * Return 0, or -errno if the connection broke; then it is closed. */
int connection_step(struct connection *c);

/* Wait until connection_step() may have something to do; false if the deadline passes first. */
bool connection_wait(const struct connection *c, int64_t deadline);

/* Return the events to poll the descriptor for. */
short connection_events(const struct connection *c);

/* Return the earliest deadline of the pending requests, or DEADLINE_NEVER. */
int64_t connection_deadline(const struct connection *c);

#endif
