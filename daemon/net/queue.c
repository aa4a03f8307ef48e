/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/queue.h"

void queue_join(struct session *s)
{
    struct change_class *class = session_class(s);

    if (s->waiting)
        return;
    s->waiting = true;
    s->next_waiting = NULL;
    if (class->last_waiting != NULL)
        class->last_waiting->next_waiting = s;
    else
        class->first_waiting = s;
    class->last_waiting = s;
}

void queue_leave(struct session *s)
{
    struct change_class *class = session_class(s);
    struct session **link = &class->first_waiting, *before = NULL;

    if (!s->waiting)
        return;
    while (*link != s) {
        before = *link;
        link = &before->next_waiting;
    }
    *link = s->next_waiting;
    if (class->last_waiting == s)
        class->last_waiting = before;
    s->waiting = false;
}
