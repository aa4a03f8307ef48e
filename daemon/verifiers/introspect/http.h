/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the OAuth server: one HTTP POST each, over connections that are kept. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_HTTP_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_HTTP_H

#include "daemon/verifiers/introspect/response.h"

enum { HTTP_VALUE_MAX = 4096 }; /* bytes of a value */

struct http_pool; /* all towards one server; safe from several threads */
struct http_call; /* one at a time; for one thread */

/* Once in the life of the process, before anything else here; false if libcurl does not start. */
bool http_pool_prepare(void);

struct http_pool *http_pool_new(const struct options *o); /* NULL: no memory; keeps `o` */
void http_pool_free(struct http_pool *c);                 /* no call is taken */

struct http_call *http_pool_take(struct http_pool *c); /* NULL: no memory */
void http_pool_give(struct http_pool *c,
                    struct http_call *call); /* back, and wiped; NULL is nothing */

/* Asks about a value until a deadline (CLOCK_MONOTONIC, ns).  True: the server has answered 200 with
 * JSON, which is in `body` until the call is given back.  False: `j` is the error. */
bool http_ask(struct http_call *call, const char *hint, struct slice value, int64_t deadline,
              struct slice *body, struct result *j);

int64_t monotonic_now(void);

#endif
