/* SPDX-License-Identifier: Apache-2.0 */
/* An event that is added to the event base only while it is wanted.  The base's thread. */
#ifndef JETON_DAEMON_NET_WATCHED_H
#define JETON_DAEMON_NET_WATCHED_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

struct watched {
    struct event event;
    bool on; /* added; false although it is wanted: there was no memory */
};

static inline void watch(struct watched *w, bool wanted)
{
    if (wanted && !w->on)
        w->on = event_add(&w->event, NULL) == 0;
    else if (!wanted && w->on)
        w->on = event_del(&w->event) < 0;
}

#endif
