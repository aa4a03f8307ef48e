/* SPDX-License-Identifier: Apache-2.0 */
/* One client's dialogue: lines in, replies out, in order.  The worker's thread.
 *
 * The session knows nothing of events: the connection fills `in`, calls dispatch_run() and
 * dispatch_end(), and sends what is in `out`.
 *
 * Replies keep the order of requests almost without a queue: verifications are answered in batches,
 * changes of one session travel to the writer together, but any other request waits until the
 * changes before it are answered, and nothing is begun while a scan is under way.  Verifications
 * that wait for a verifier are queued (pending_verify.h), and anything but a verification waits for
 * them.  Lines that wait stay in `in`; when that is full the client is not read from. */
#ifndef JETON_DAEMON_SESSION_SESSION_H
#define JETON_DAEMON_SESSION_SESSION_H

#include "daemon/base/peercred.h"
#include "daemon/base/user_names.h"
#include "daemon/session/context.h"
#include "daemon/session/framing.h"

enum { SESSION_INPUT_MAX = IOBUF_SIZE }; /* bytes in `in` */

/* What the next line waits for, as dispatch_run() found. */
enum session_wait {
    SESSION_READY,             /* nothing */
    SESSION_WAITS_FOR_INPUT,   /* the client has not sent it yet */
    SESSION_WAITS_FOR_ANSWERS, /* to what was asked before it */
    SESSION_WAITS_FOR_OUTPUT,  /* the client has to take in replies */
    SESSION_WAITS_FOR_SLOT,    /* its class has as many changes under way as it may */
    SESSION_WAITS_FOR_OTHERS,  /* one run made as many changes as it may */
    SESSION_WAITS_FOR_TURN,    /* one run took as much time as it may */
};

/* Whether and when the session runs next.  net/scheduler.h draws and makes the transitions. */
enum session_state {
    SESSION_IDLE,      /* when something arrives */
    SESSION_DUE,       /* when its uid has its turn */
    SESSION_BATCHED,   /* at the end of this turn; its last run is not ended yet */
    SESSION_SCHEDULED, /* at the end of this turn */
    SESSION_YIELDED,   /* after others */
    SESSION_GRANTED,   /* now, and may begin a change: it waited for a slot */
    SESSION_CLOSED,    /* never */
};

struct session {
    struct worker *worker;
    int fd;
    enum role role;
    struct peercred peer;
    uid_t login; /* the peer's, once that was looked for: see session_login() */
    bool has_login;
    struct uid_share *share; /* the peer's */
    struct iobuf in;
    size_t used; /* bytes of `in` that are dealt with, and not dropped yet */
    struct framing framing;
    struct iobuf out;
    int passing; /* descriptor that goes with the first byte of `out`; or -1 */
    bool passed; /* one was sent before */
    bool eof;    /* nothing more will come in */
    bool ended;  /* nothing more will be answered */
    enum session_wait wait;
    enum session_state state;  /* net/scheduler's, like the next three */
    bool readable;             /* DUE, and its socket has input */
    TAILQ_ENTRY(session) turn; /* in a list: DUE, BATCHED, SCHEDULED, YIELDED */
    TAILQ_ENTRY(session) slot; /* in its uid's queue of its class; tqe_prev NULL: it is not */
    struct problem fault;      /* unless STATUS_OK: next reply once changes are answered */
    unsigned outstanding;      /* changes under way */
    struct mail_list changes;  /* those of them that are not posted yet */
    bool announced;            /* the writer expects more changes of this session */
    struct scan *scan;         /* under way; NULL: none */
    bool holds_scan;           /* ... and it is not with the writer */
    struct fleet_delivery *fleet_delivery; /* that the agent brings; NULL: none is begun */
    bool fleet_quiet;                      /* changes that it brings are not answered one by one */
    struct user_question *user; /* self_user's: who the peer is; NULL: that was never asked */
    bool asks;                  /* ... and it is not answered yet */
    struct pending_verify *first_pending; /* pending_verify's: under way, in order */
    struct pending_verify *last_pending;
    unsigned pending;
    unsigned jobs;          /* those of them that are with a pool */
    unsigned waiting;       /* ... that wait for a place of the uid on a pool */
    uint64_t asked;         /* changes so far */
    uint64_t answered;      /* ... of which so many are answered */
    struct mail_list early; /* that came back before one that was asked for earlier */
    uint64_t
        fleet_taker; /* the number by which it takes changes for the database; 0: it does not */

    /* The connection's.  Callbacks of mail that is delivered: */
    void (*on_change)(struct mail *mail); /* an answered change */
    void (*on_chunk)(struct mail *mail);  /* a scan with its next chunk */
    void (*on_job)(struct mail *mail);    /* a job with its result */
    /* Run the session now: */
    void (*on_ready)(struct session *s); /* pending_verify decided something, on a timeout */
    void (*on_turn)(struct session *s);  /* the scheduler has its turn */
};

/* Initialise a session; the caller has set what it knows, and the rest is zero. */
void session_init(struct session *s);
void session_free(struct session *s);

/* Reserve space for at most `max` more bytes of reply, to be added with session_end_reply().
 * False: no memory; the session is ended. */
bool session_begin_reply(struct session *s, size_t max, struct text *t);

static inline void session_end_reply(struct session *s, const struct text *t)
{
    iobuf_commit(&s->out, t->len);
}

/* Append a whole NO or ERR reply. */
void session_put_problem(struct session *s, const struct problem *p);

/* Refuse the request that is being dealt with, once the changes before it are answered. */
void session_refuse(struct session *s, enum status status, const char *message);

/* End the session with an error reply of its own. */
void session_fail(struct session *s, enum status status, const char *message);

/* Answer the verifications that the worker's sessions have left in its batch. */
void session_answer_batch(struct worker *worker);

/* Answer that batch because this session has to append behind its own answers.  False: no memory;
 * the session is ended. */
bool session_flush_batch(struct session *s);

/* Return who the peer logged in as, which its changes are journalled with. */
uid_t session_login(struct session *s);

/* Post the changes that were read to the writer.  Before those of a session that has more of them
 * (SESSION_WAITS_FOR_OTHERS) the writer is informed that more will come. */
void session_post_changes(struct session *s);

/* Append the reply to a change that came back, and free it; or keep it until those before it did. */
void session_take_change(struct session *s, struct change *c);

/* Append the next chunk of a scan that came back. */
void session_take_chunk(struct session *s, struct scan *scan);

/* Free the scan, which is not with the writer. */
void session_end_scan(struct session *s);

/* Stop a scan under way, if there is one. */
void session_stop_scan(struct session *s);

/* True while something of this session is with another thread. */
bool session_is_away(const struct session *s);

/* True when everything is answered and sent, and nothing more can come. */
bool session_is_done(const struct session *s);

/* Return the class whose change slots the session takes, and its number. */
static inline int session_class_number(const struct session *s)
{
    return s->role == ROLE_ADMIN ? CLASS_ADMINS : CLASS_OTHERS;
}

static inline struct change_class *session_class(const struct session *s)
{
    return &s->worker->class[session_class_number(s)];
}

#endif
