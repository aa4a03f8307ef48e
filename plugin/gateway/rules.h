/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration in force, with a handle for each service that its sites name.  A reload makes
 * another one; the old one stays until its last question is answered.  The main thread, except where
 * noted. */
#ifndef JETON_PLUGIN_GATEWAY_RULES_H
#define JETON_PLUGIN_GATEWAY_RULES_H

#include "plugin/gateway/config_file.h"
#include "plugin/gateway/service_handle.h"

struct rules {
    struct config config;
    unsigned handles;
    struct service_handle *handle[CONFIG_SITES_MAX];
    unsigned waiting;   /* questions */
    struct rules *next; /* of those that are retired */
};

/* Load a configuration and open its handles.  NULL: *faults says what is wrong.  Any thread; it may
 * wait for files and for the daemon. */
struct rules *rules_load(const struct config_source *source, struct config_faults *faults);

/* Attach the handles to the event loop. */
bool rules_attach(struct rules *r, struct event_base *base);

/* Free rules for which no question is waiting.  NULL is allowed. */
void rules_free(struct rules *r);

/* Add rules to a list of those that are not in force any more; and free those of it for which no
 * question is waiting any more: not from within an answer. */
void rules_retire(struct rules **retired, struct rules *r);
void rules_reap(struct rules **retired);

/* Return the handle that judges for a site. */
struct service_handle *rules_handle(const struct rules *r, const struct site *site);

#endif
