/* SPDX-License-Identifier: Apache-2.0 */
/* A handle to libjeton for one service, on the event loop: the table answers at once; where it
 * cannot, the daemon is asked without blocking.  The main thread, except where noted. */
#ifndef JETON_PLUGIN_GATEWAY_SERVICE_HANDLE_H
#define JETON_PLUGIN_GATEWAY_SERVICE_HANDLE_H

#include <event2/event.h>

#include "plugin/lib/jeton.h"
#include "proto/text.h"

struct service_handle;

/* Open a handle; "": the default service.  NULL: *error is a negative errno.  Any thread; it may
 * wait for the daemon. */
struct service_handle *service_handle_open(const char *socket, const char *service,
                                           unsigned timeout_seconds, int *error);

/* Attach it to the event loop, before the first question. */
bool service_handle_attach(struct service_handle *s, struct event_base *base);

/* NULL is allowed.  No question may be waiting. */
void service_handle_close(struct service_handle *s);

const char *service_handle_name(const struct service_handle *s);

/* Verify as jeton_verify_start() does.  "" as scope or subject: none is asked for. */
enum jeton_status service_handle_verify(struct service_handle *s, struct slice token,
                                        const char *scope, const char *subject,
                                        struct jeton_claims *claims, jeton_done *done,
                                        void *context);

/* Verify by the table alone; JETON_WAITING: only the daemon can answer. */
enum jeton_status service_handle_look_up(struct service_handle *s, struct slice token,
                                         const char *scope, const char *subject,
                                         struct jeton_claims *claims);

/* Forget the question with this context: its `done` is not called. */
void service_handle_cancel(struct service_handle *s, void *context);

#endif
