/* SPDX-License-Identifier: Apache-2.0 */
/* One client's dialogue: lines in, replies out, in order.  The worker's thread.
 *
 * The session knows nothing of events: the connection fills `in`, calls dispatch_run() and
 * dispatch_end(), and sends what is in `out`.
 *
 * Order almost without a queue: verifications are judged in batches, changes of one session travel
 * to the writer together, but any other request waits until the changes before it are answered, and
 * nothing is begun while a scan is under way.  Verifications that wait for a verifier are queued
 * (docket.h), and anything but a verification waits for them.  Waiting lines stay in `in`; when that is full the
 * client is not read from. */
#ifndef JETON_DAEMON_SESSION_SESSION_H
#define JETON_DAEMON_SESSION_SESSION_H

#include "daemon/session/context.h"
#include "daemon/base/peercred.h"

enum { SESSION_ROOM = IOBUF_SIZE }; /* of `in` */

struct session {
    struct worker *worker;
    int fd;
    enum role role;
    struct peercred peer;
    struct iobuf in;
    size_t used; /* bytes of `in` that are dealt with, and not dropped yet */
    struct iobuf out;
    int passing;           /* descriptor that goes with the first byte of `out`; or -1 */
    bool passed;           /* one was sent before */
    bool eof;              /* nothing more will come in */
    bool ended;            /* nothing more will be answered */
    bool waits_for_output; /* go on as soon as `out` has been sent */
    bool starved;          /* go on as soon as the worker has room for a change again */
    bool has_turn;         /* it queued up for that, and is the first now */
    bool discarding;       /* the rest of an overlong line */
    bool half_a_line;      /* what is in `in` waits for its end */
    bool ended_a_line;     /* the last run dealt with a whole line */
    bool has_fault;        /* `fault` is the next reply, once the changes before are answered */
    struct problem fault;
    struct session *next_waiting; /* queue.c's: in its class of the worker, if `waiting` */
    bool waiting;
    struct session *next_touched; /* turn.c's: in one of the worker's lists, if `touched` */
    bool touched;
    unsigned outstanding;                 /* changes on their way */
    struct mail_list changes;             /* of those, that are not posted yet */
    bool rests;                           /* go on when others had their turn */
    bool promises;                        /* the writer is told that more changes are coming */
    struct scan *scan;                    /* under way */
    bool scan_is_here;                    /* ... and not with the writer_thread */
    struct pending_verify *first_pending; /* docket.c's: verifications under way, in order */
    struct pending_verify *last_pending;
    unsigned pending;
    unsigned jobs; /* of those, that are with a pool */
    bool closing;
    bool groups_read; /* the peer's; read when first needed */
    size_t group_count;
    gid_t *groups;

    /* The connection's: what mail coming home does, and the end of a turn. */
    void (*change_arrives)(struct mail *mail);
    void (*scan_arrives)(struct mail *mail);
    void (*errand_arrives)(struct mail *mail);
    void (*goes_on)(struct session *s); /* something may be ready now */
    void (*resumes)(struct session *s); /* its turn has come */
};

/* The caller has set what it knows; the rest is zero. */
void session_init(struct session *s);
void session_free(struct session *s);

/* Room for at most `max` more bytes of reply, to be added with iobuf_commit().  False: no memory;
 * the session is ended. */
bool session_begin_reply(struct session *s, size_t max, struct text *t);

/* A whole NO or ERR reply. */
void session_put_problem(struct session *s, const struct problem *p);

/* Sends the changes that were read to the writer; a session that rests has more of them. */
void session_post_changes(struct session *s);

/* A change came back: its reply goes to `out`.  Frees it. */
void session_take_change(struct session *s, struct change *c);

/* A scan came back with a chunk, which goes to `out`. */
void session_take_chunk(struct session *s, struct scan *scan);

/* Ends a scan under way, if there is one. */
void session_stop_scan(struct session *s);

/* True while something of this session is with another thread. */
bool session_is_away(const struct session *s);

/* True when everything is answered and sent, and nothing more can come. */
bool session_is_done(const struct session *s);

/* Ends the session with an error reply of its own. */
void session_fail(struct session *s, enum status status, const char *message);

/* The share of the worker's changes that it draws from. */
static inline struct change_class *session_class(const struct session *s)
{
    return &s->worker->class[s->role == ROLE_ADMIN ? CLASS_ADMINS : CLASS_OTHERS];
}

#endif
