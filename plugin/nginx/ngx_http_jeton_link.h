/* SPDX-License-Identifier: Apache-2.0 */
/* A handle of libjeton for one service, in the event loop of a worker.  Locations with the same
 * socket and service share one. */
#ifndef JETON_PLUGIN_NGINX_LINK_H
#define JETON_PLUGIN_NGINX_LINK_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "plugin/lib/jeton.h"

struct ngx_http_jeton_link {
    ngx_str_t socket; /* NUL-terminated, as `service` is */
    ngx_str_t service;
    struct jeton *handle;         /* NULL: it could not be opened in this worker */
    ngx_connection_t *connection; /* watches the handle's descriptor, or NULL */
    ngx_event_t timer;            /* of the question that waits longest */
    ngx_connection_t for_timer;   /* nginx reads a descriptor from an event's data when it logs */
};

/* Open the handle in a worker.  If that fails, log why; each question is unavailable then. */
void ngx_http_jeton_link_open(struct ngx_http_jeton_link *link, ngx_cycle_t *cycle);

/* Close it at the end of a worker. */
void ngx_http_jeton_link_close(struct ngx_http_jeton_link *link);

/* Watch what the handle wants watched now: call this after each jeton_verify_start(). */
void ngx_http_jeton_link_watch(struct ngx_http_jeton_link *link);

#endif
