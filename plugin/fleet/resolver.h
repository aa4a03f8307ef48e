/* SPDX-License-Identifier: Apache-2.0 */
/* Looks names of hosts up, each in a thread of its own: getaddrinfo() returns when it likes, and libpq would call it in
 * the agent's only thread.  A name is looked up once at a time, however long that takes; its answer is kept until it
 * is forgotten.  All functions belong to the thread of the event base. */
#ifndef JETON_PLUGIN_FLEET_RESOLVER_H
#define JETON_PLUGIN_FLEET_RESOLVER_H

#include <event2/event.h>

#include "proto/text.h"

enum {
    RESOLVER_NAME_SIZE = 256,
    RESOLVER_ADDRESS_SIZE = 64, /* with the name of an interface */
    RESOLVER_ADDRESSES_MAX = 16,
    RESOLVER_NAMES_MAX = 12, /* that are looked up at a time: fewer than TasksMax= of the unit */
};

/* What came of a look-up. */
struct resolver_answer {
    unsigned count; /* of addresses, in the order in which they are to be tried; 0: see `why` */
    char address[RESOLVER_ADDRESSES_MAX][RESOLVER_ADDRESS_SIZE]; /* numeric */
    char why[128];
};

struct resolver;

/* `answered` is called from the event loop when answers have come.  NULL: no memory, or no descriptor. */
struct resolver *resolver_new(struct event_base *base, void (*answered)(void *context),
                              void *context);

/* Look-ups that are under way end by themselves.  NULL is allowed. */
void resolver_free(struct resolver *r);

/* Look a name up, unless that is under way or its answer is there. */
void resolver_ask(struct resolver *r, struct slice name);

/* Return the answer; NULL: there is none yet.  That of a name which was not asked for, or too long, or without memory, is
 * that it cannot be looked up. */
const struct resolver_answer *resolver_answer(const struct resolver *r, struct slice name);

/* Forget the answers that are there. */
void resolver_forget(struct resolver *r);

#endif
