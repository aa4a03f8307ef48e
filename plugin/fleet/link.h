/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to jetond's socket of role `fleet`: made again whenever it ends, never waited for.  Requests are
 * pipelined, and answered in order.  One thread. */
#ifndef JETON_PLUGIN_FLEET_LINK_H
#define JETON_PLUGIN_FLEET_LINK_H

#include <event2/event.h>

#include "proto/reply.h"

enum { LINK_PENDING_MAX = 256, LINK_OUT_MAX = 64 * 1024 * 1024 };

struct link;

/* Takes each line of the answers to what link_send() sent; NULL: the connection ended before the last one. */
typedef void link_reply(void *context, const struct reply *reply);

struct link_events {
    void (*up)(void *context);
    void (*down)(void *context);
};

/* `name` tells it from others in the log.  NULL: no memory. */
struct link *link_new(struct event_base *base, const char *path, const char *name,
                      const struct link_events *events, void *context);
void link_free(struct link *l);

/* End the connection, before what its requests are about is freed: whoever waits for an answer gets to know that none
 * comes. */
void link_close(struct link *l);

/* Connect, and again whenever the connection ends. */
void link_start(struct link *l);

bool link_is_up(const struct link *l);

/* Return what is wrong, for people; "" if nothing is. */
const char *link_trouble(const struct link *l);

/* Send whole lines, which are answered by so many final lines.  False: it is not up, or is no more, as jetond has left
 * too much unanswered: nobody would say again what was not sent. */
bool link_send(struct link *l, struct slice lines, unsigned finals, link_reply *done,
               void *context);

/* Return how many answers are still to come, of LINK_PENDING_MAX at most. */
unsigned link_pending(const struct link *l);

/* Read no more for now; or again. */
void link_pause(struct link *l, bool paused);

/* What was asked has been answered as it should: if it fails again, the log says so again. */
void link_works(struct link *l);

/* Give the connection up, and connect again soon.  Without `why` it is not what is wrong, and nothing is logged. */
void link_drop(struct link *l, const char *why);

#endif
