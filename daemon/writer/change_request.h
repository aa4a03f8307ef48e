/* SPDX-License-Identifier: Apache-2.0 */
/* Make a change from a request, and the reply from its outcome.  Any worker's thread; no state. */
#ifndef JETON_DAEMON_WRITER_CHANGE_REQUEST_H
#define JETON_DAEMON_WRITER_CHANGE_REQUEST_H

#include "daemon/writer/change.h"

struct change_request_context {
    uid_t uid;
    pid_t pid;
    uid_t login;
    const char *prefix;       /* of new values */
    int64_t activation_delay; /* seconds, where the request names no time */
    struct slice user;        /* whose tokens alone the request may change; .at NULL: of anybody */
};

/* Make the change that a request asks for; the value of a new token is made by new_values_make().  NULL: *problem says why not. */
struct change *change_request_read(const struct request *request,
                                   const struct change_request_context *context,
                                   struct problem *problem);

/* Write the reply to a change that came back; other roles than admin get id and state only, but a user
 * all of what is his own. */
void change_request_reply(const struct change *c, enum role role, int64_t now, struct text *reply);

#endif
