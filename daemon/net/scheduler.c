/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/scheduler.h"

#include "daemon/session/dispatch.h"
#include "daemon/net/queue.h"

enum { MAIL_A_TURN = 32 };      /* until others have theirs */

static void touch(struct session *s, struct session **list)
{
    if (s->touched)
        return;
    s->touched = true;
    s->next_touched = *list;
    *list = s;
}

void turn_touch(struct session *s)
{
    touch(s, &s->lane->touched);
}

void turn_rest(struct session *s)
{
    touch(s, &s->lane->resting);
    mailbox_wake(&s->lane->box);
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
static void serve_waiting(struct lane_class *class)
{
    while (class->first_waiting != NULL && class->outstanding < class->most) {
        struct session *s = class->first_waiting;
        queue_leave(s);
        s->has_turn = true;
        s->resumes(s);
    }
}

void turn_end(struct lane *lane)
{
    dispatch_answer(lane);          /* before one of them is freed */
    resume_all(&lane->touched);
    for (int i = 0; i < LANE_CLASSES; i++)
        serve_waiting(&lane->class[i]);
}

/* Those that rest have woken the lane, and come again after others. */
bool turn_take_mail(struct lane *lane)
{
    bool all = mailbox_deliver(&lane->box, MAIL_A_TURN);

    if (all) {
        turn_end(lane);
        resume_all(&lane->resting);
    }
    return all;
}
