/* SPDX-License-Identifier: Apache-2.0 */
/* Send introspection requests (RFC 7662, 2.1) by HTTP POST, over persistent connections. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_HTTP_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_HTTP_H

#include "daemon/verifiers/introspect/response.h"

enum { HTTP_VALUE_MAX = 4096 }; /* bytes of a value */

struct http_pool;   /* the clients of one server; thread-safe */
struct http_client; /* one connection, one request at a time; used by one thread at a time */

struct http_pool *http_pool_new(const struct options *o); /* keeps `o`; NULL: out of memory */
void http_pool_free(struct http_pool *pool);              /* after all clients are back */

/* Lend a client to a thread.  NULL: out of memory. */
struct http_client *http_pool_get(struct http_pool *pool);
/* Wipe a client and take it back; NULL is allowed. */
void http_pool_put(struct http_pool *pool, struct http_client *client);

/* Ask the server about a value, until a deadline (CLOCK_MONOTONIC, ns).  True: the status is 200,
 * and *body is JSON by its type, valid until http_pool_put().  False: `r` is the error. */
bool http_post(struct http_client *client, const char *hint, struct slice value, int64_t deadline,
               struct slice *body, struct result *r);

int64_t monotonic_now(void);

#endif
