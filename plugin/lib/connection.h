/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to the daemon: questions out, replies back in the same order.
 *
 * Nothing here waits but link_open() and link_wait(), and those no longer than their deadline.
 * One thread at a time.  A link may lie in memory that a child finds zeroed after fork(): zeroed
 * memory is a link that is not connected.  Its mark lies elsewhere, so that the child can close
 * the descriptor it inherited.
 *
 * Deadlines are of plugin/lib/deadline.h. */
#ifndef JETON_LINK_H
#define JETON_LINK_H

#include <sys/types.h>

#include "plugin/lib/deadline.h"
#include "proto/limits.h"
#include "proto/line.h"

enum { LINK_ASKED_MAX = 256, LINK_OUT_MAX = 4 * LINE_MAX_BYTES };

#define LINK_NO_DEADLINE INT64_MAX

/* A final line, or the lack of one. */
struct reply {
    bool received;              /* false: the link broke, or was given up */
    enum status status;         /* not received: STATUS_UNAVAILABLE.  A reason that this version
                                 * does not know is STATUS_DENIED, a code STATUS_UNAVAILABLE */
    struct line line;           /* with its first words; only while `done` runs */
    int fd;                     /* the descriptor that came with it, or -1; `done` sets it to -1
                                 * if it keeps it */
};

typedef void link_done(void *context, struct reply *reply);

/* Which descriptor is the link's, whatever the host does with the number. */
struct link_mark {
    bool held;
    int fd;
    dev_t device;
    ino_t inode;
};

struct asked {
    link_done *done;
    void *context;
    int64_t deadline;
    bool descriptor;            /* one may come with the reply */
};

struct link {
    struct link_mark *mark;     /* NULL: not connected */
    bool no_table;              /* what this connection has refused, for its owner to note */
    bool no_used;
    int arrived;                /* a descriptor that belongs to a reply not read yet, or -1 */
    unsigned first;             /* a ring of what is asked and not answered */
    unsigned count;
    struct asked asked[LINK_ASKED_MAX];
    size_t in_len;
    size_t out_begin;
    size_t out_end;
    char in[LINE_MAX_BYTES];
    char out[LINK_OUT_MAX];
};

/* Closes what the mark holds, if it is still ours.  For a link that is not connected. */
void link_release(struct link_mark *mark);

/* Connects, then drops what the link or the mark had before, so that the new descriptor has another
 * number.  `deadline` 0: does not wait.  0 or -errno; -EPERM and -ELOOP mean that the path, or who
 * serves there, is not to be believed. */
int link_open(struct link *l, struct link_mark *mark, const char *path, int64_t deadline);

/* True if the link has a descriptor and that is still ours. */
bool link_connected(const struct link *l);

/* True if it is connected, nothing is asked, and the other end has neither hung up nor spoken. */
bool link_idle(const struct link *l);

/* Closes the link, unless its descriptor is somebody else's now.  What was asked is answered: not
 * received. */
void link_drop(struct link *l);

/* Adds a request, a whole line; false if there is no room or no connection.  The bytes are wiped
 * once sent.  `done` is called once, from link_step() or link_drop(); it may ask again. */
bool link_ask(struct link *l, struct slice request, bool descriptor, link_done *done,
              void *context, int64_t deadline);

/* Sends what can be sent at once; 0 or -errno. */
int link_send(struct link *l);

/* Sends and receives what can be at once, and calls `done` for every reply that is there.  A link
 * that broke is dropped: -errno. */
int link_step(struct link *l);

/* Waits until link_step() may have something to do; false: the deadline has passed. */
bool link_wait(const struct link *l, int64_t deadline);

short link_events(const struct link *l);

/* The first deadline of what is asked, or LINK_NO_DEADLINE. */
int64_t link_deadline(const struct link *l);

#endif
