/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that are answered at once: id, hello, help, ping, quit, stats, used. */
#ifndef JETON_DAEMON_SESSION_CMD_INFO_H
#define JETON_DAEMON_SESSION_CMD_INFO_H

#include "daemon/session/context.h"

/* Who asks. */
struct asker {
    struct server *server;
    enum role role;
    bool may_have_table;
};

/* Writes the whole reply.  The verb is one of those above. */
void answer_request(const struct asker *asker, const struct request *r, struct text *reply);

/* True for a verb that answer_request() takes. */
bool answer_takes(enum verb verb);

/* The bytes a reply to the verb takes at most. */
size_t answer_room(const struct server *server, enum verb verb);

#endif
