/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to the daemon: questions out, replies back in the same order.
 *
 * Nothing here waits but connection_open() and connection_wait(), and those no longer than their deadline.
 * One thread at a time.  A link may lie in memory that a child finds zeroed after fork(): zeroed
 * memory is a link that is not connected.  Its mark lies elsewhere, so that the child can close
 * the descriptor it inherited.
 *
 * Deadlines are of plugin/lib/deadline.h. */
#ifndef JETON_PLUGIN_LIB_CONNECTION_H
#define JETON_PLUGIN_LIB_CONNECTION_H

#include <sys/types.h>

#include "plugin/lib/deadline.h"
#include "proto/limits.h"
#include "proto/reply.h"

enum { CONNECTION_ASKED_MAX = 256, CONNECTION_OUT_MAX = 4 * LINE_MAX_BYTES };

#define CONNECTION_NO_DEADLINE INT64_MAX

/* The answer to a request: a final line, or none. */
struct connection_reply {
    bool received;      /* false: the connection broke, or was given up */
    enum status status; /* not received: STATUS_UNAVAILABLE.  A reason that this version does not
                              * know is STATUS_DENIED, a code STATUS_UNAVAILABLE */
    const struct line *line; /* the whole final line, valid while `done` runs; NULL: not received */
    int fd;                  /* the descriptor that came with it, or -1; closed after `done`, unless
                              * `done` keeps it and sets this to -1 */
};

typedef void connection_done(void *context, struct connection_reply *reply);

/* Which descriptor is the link's, whatever the host does with the number. */
struct fd_identity {
    bool held;
    int fd;
    dev_t device;
    ino_t inode;
};

struct asked {
    connection_done *done;
    void *context;
    int64_t deadline;
    bool descriptor; /* one may come with the reply */
};

struct connection {
    struct fd_identity *mark; /* NULL: not connected */
    bool no_table;            /* what this connection has refused, for its owner to note */
    bool no_used;
    int arrived;    /* a descriptor that belongs to a reply not read yet, or -1 */
    unsigned first; /* a ring of what is asked and not answered */
    unsigned count;
    struct asked asked[CONNECTION_ASKED_MAX];
    size_t in_len;
    size_t out_begin;
    size_t out_end;
    char in[LINE_MAX_BYTES];
    char out[CONNECTION_OUT_MAX];
};

/* Closes what the mark holds, if it is still ours.  For a link that is not connected. */
void connection_release(struct fd_identity *mark);

/* Connects, then drops what the link or the mark had before, so that the new descriptor has another
 * number.  `deadline` 0: does not wait.  0 or -errno; -EPERM and -ELOOP mean that the path, or who
 * serves there, is not to be believed. */
int connection_open(struct connection *l, struct fd_identity *mark, const char *path,
                    int64_t deadline);

/* True if the link has a descriptor and that is still ours. */
bool connection_connected(const struct connection *l);

/* True if it is connected, nothing is asked, and the other end has neither hung up nor spoken. */
bool connection_idle(const struct connection *l);

/* Closes the link, unless its descriptor is somebody else's now.  What was asked is answered: not
 * received. */
void connection_drop(struct connection *l);

/* Adds a request, a whole line; false if there is no room or no connection.  The bytes are wiped
 * once sent.  `done` is called once, from connection_step() or connection_drop(); it may ask again. */
bool connection_ask(struct connection *l, struct slice request, bool descriptor,
                    connection_done *done, void *context, int64_t deadline);

/* Sends what can be sent at once; 0 or -errno. */
int connection_send(struct connection *l);

/* Sends and receives what can be at once, and calls `done` for every reply that is there.  A link
 * that broke is dropped: -errno. */
int connection_step(struct connection *l);

/* Waits until connection_step() may have something to do; false: the deadline has passed. */
bool connection_wait(const struct connection *l, int64_t deadline);

short connection_events(const struct connection *l);

/* The first deadline of what is asked, or CONNECTION_NO_DEADLINE. */
int64_t connection_deadline(const struct connection *l);

#endif
