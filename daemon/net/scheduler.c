/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/scheduler.h"

#include "daemon/session/dispatch.h"
#include "daemon/net/queue.h"

enum { MAIL_A_TURN = 32 }; /* until others have theirs */

static void touch(struct session *s, struct session **list)
{
    if (s->touched)
        return;
    s->touched = true;
    s->next_touched = *list;
    *list = s;
}

void scheduler_touch(struct session *s)
{
    touch(s, &s->worker->touched);
}

void scheduler_yield(struct session *s)
{
    touch(s, &s->worker->resting);
    mailbox_wake(&s->worker->box);
}

static void resume_all(struct session **list)
{
    struct session *s = *list, *next;

    *list = NULL;
    for (; s != NULL; s = next) {
        next = s->next_touched;
        s->touched = false;
        s->resumes(s);
    }
}

/* The first in line goes on, with one change at least, as long as there is room. */
static void serve_waiting(struct change_class *class)
{
    while (class->first_waiting != NULL && class->outstanding < class->most) {
        struct session *s = class->first_waiting;
        queue_leave(s);
        s->has_turn = true;
        s->resumes(s);
    }
}

void scheduler_end_turn(struct worker *worker)
{
    dispatch_answer(worker); /* before one of them is freed */
    resume_all(&worker->touched);
    for (int i = 0; i < CLASSES; i++)
        serve_waiting(&worker->class[i]);
}

/* Those that rest have woken the worker, and come again after others. */
bool scheduler_deliver_mail(struct worker *worker)
{
    bool all = mailbox_deliver(&worker->box, MAIL_A_TURN);

    if (all) {
        scheduler_end_turn(worker);
        resume_all(&worker->resting);
    }
    return all;
}
