/* SPDX-License-Identifier: Apache-2.0 */
/* Answer `ANY /verify/SITE`: find the site and the credentials, have the token judged, and write the
 * response.  Nothing but SITE and the site's own credentials decides: no other part of the target, and
 * no other header field.  The main thread. */
#ifndef JETON_PLUGIN_GATEWAY_VERIFY_REQUEST_H
#define JETON_PLUGIN_GATEWAY_VERIFY_REQUEST_H

#include "plugin/gateway/context.h"
#include "plugin/http/head.h"
#include "plugin/http/response.h"

/* One verification; it stays where it is while a question waits. */
struct verify_request {
    struct rules *rules;
    const struct site *site; /* NULL: none is in progress */
    enum http_after after;
    struct jeton_claims claims;
};

/* Return the site that a target names; NULL: none. */
const struct site *verify_request_site(const struct config *c, struct slice target);

enum verify_outcome {
    VERIFY_ANSWERED, /* the response is in `out` */
    VERIFY_BAD,      /* it cannot be answered: 400 */
    VERIFY_WAITING,  /* `done` will be called with `owner`; then call verify_request_finish() */
    VERIFY_LATER,    /* the daemon must be asked, which is not allowed now: begin again later */
};

/* Begin to answer.  `out` has space for the response (VERIFY_RESPONSE_MAX).  `done` is NULL: the daemon
 * must not be asked. */
enum verify_outcome verify_request_begin(struct verify_request *v, struct context *context,
                                         const struct site *site, const struct http_head *head,
                                         enum http_after after, struct text *out, jeton_done *done,
                                         void *owner);

/* Write the response, once the daemon has answered. */
void verify_request_finish(struct verify_request *v, struct context *context,
                           enum jeton_status status, struct text *out);

/* Give up a question that waits. */
void verify_request_cancel(struct verify_request *v, struct context *context, void *owner);

enum { VERIFY_RESPONSE_MAX = HTTP_ANSWER_TEXT_MAX + 4096 };

#endif
