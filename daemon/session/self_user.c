/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/self_user.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"

static void on_answer(struct mail *mail)
{
    struct user_question *q = (struct user_question *)mail;
    struct session *s = q->sender;

    s->asks = false;
    s->on_ready(s);
}

static bool is_fresh(const struct user_question *q)
{
    return q != NULL && clock_seconds() < q->until;
}

bool self_user_is_known(struct session *s)
{
    struct user_names *names = s->worker->server->user_names;

    if (!s->asks && is_fresh(s->user))
        return true;
    if (s->asks)
        return false;
    if (s->user == NULL)
        s->user = calloc(1, sizeof(*s->user));
    if (s->user == NULL || names == NULL) {
        session_fail(s, STATUS_INTERNAL, "no memory");
        return false;
    }
    s->user->mail.on_delivery = on_answer;
    s->user->reply_to = &s->worker->mailbox;
    s->user->sender = s;
    s->user->uid = s->peer.uid;
    s->asks = true;
    user_names_ask(names, s->user);
    return false;
}

/* Why there is no name, by error number. */
static const struct {
    int error;
    enum status status;
    const char *message;
} faults[] = {
    { ENOENT, STATUS_FORBIDDEN, "your uid has no name on this host, so no token can be yours" },
    { EINVAL, STATUS_FORBIDDEN, "your name cannot be a token's subject" },
    { ESTALE, STATUS_FORBIDDEN, "the name of your uid is another user's" },
    { EPERM, STATUS_FORBIDDEN, "your uid stands for users without one, so no token can be yours" },
    { EBUSY, STATUS_BUSY, "the names of too many users are looked up at once" },
};

struct slice self_user_name(struct session *s)
{
    const struct user_question *q = s->user;

    if (q->error == 0)
        return slice_of(q->name);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (faults[i].error == q->error) {
            session_refuse(s, faults[i].status, faults[i].message);
            return (struct slice){ NULL, 0 };
        }
    session_refuse(s, STATUS_UNAVAILABLE, "your name cannot be looked up now; try again");
    return (struct slice){ NULL, 0 };
}

void self_user_close(struct session *s)
{
    if (s->asks && user_names_cancel(s->worker->server->user_names, s->user))
        s->asks = false;
}
