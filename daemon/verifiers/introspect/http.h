/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the OAuth server: one HTTP POST each, over connections that are kept. */
#ifndef JETON_INTROSPECT_CALL_H
#define JETON_INTROSPECT_CALL_H

#include "daemon/verifiers/introspect/response.h"

enum { CALL_VALUE_MAX = 4096 };         /* bytes of a value */

struct calls;           /* all towards one server; safe from several threads */
struct call;            /* one at a time; for one thread */

/* Once in the life of the process, before anything else here; false if libcurl does not start. */
bool calls_prepare(void);

struct calls *calls_new(const struct options *o);       /* NULL: no memory; keeps `o` */
void calls_free(struct calls *c);                       /* no call is taken */

struct call *calls_take(struct calls *c);               /* NULL: no memory */
void calls_give(struct calls *c, struct call *call);    /* back, and wiped; NULL is nothing */

/* Asks about a value until a deadline (CLOCK_MONOTONIC, ns).  True: the server has answered 200 with
 * JSON, which is in `body` until the call is given back.  False: `j` is the error. */
bool call_ask(struct call *call, const char *hint, struct slice value, int64_t deadline,
              struct slice *body, struct judgement *j);

int64_t monotonic_now(void);

#endif
