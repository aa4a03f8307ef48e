/* SPDX-License-Identifier: Apache-2.0 */
/* What all verbs' handlers have in common.  The worker's thread. */
#ifndef JETON_DAEMON_SESSION_COMMAND_H
#define JETON_DAEMON_SESSION_COMMAND_H

#include "daemon/session/session.h"

/* One dispatch_run(). */
struct run {
    struct session *session;
    const struct stacks *stacks;
    unsigned changes; /* that were begun */
    bool granted;     /* it may begin changes although others wait for a slot */
    bool over;        /* its time is used up: begin no other line */
};

/* Carry out one request: append its reply to the session's `out`, or hand it on to be carried out,
 * or refuse it with session_refuse(). */
typedef void command(struct run *run, const struct request *r);

/* Return the service that a request names; an empty slice: none. */
static inline struct slice command_service(const struct request *r)
{
    return request_has(r, KEY_SERVICE) ? r->value[KEY_SERVICE] : (struct slice){ NULL, 0 };
}

/* Return the name of whom the client asks for; an empty slice: it names nobody. */
static inline struct slice command_client(const struct request *r)
{
    return request_has(r, KEY_CLIENT) ? r->value[KEY_CLIENT] : (struct slice){ NULL, 0 };
}

#endif
