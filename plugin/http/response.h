/* SPDX-License-Identifier: Apache-2.0 */
/* Write HTTP/1.1 responses.  No I/O, no allocation, no state; any thread. */
#ifndef JETON_PLUGIN_HTTP_RESPONSE_H
#define JETON_PLUGIN_HTTP_RESPONSE_H

#include "plugin/http/answer.h"

/* What the connection does after the response. */
enum http_after {
    HTTP_KEEP,          /* HTTP/1.1: it goes on without a word of it */
    HTTP_KEEP_EXPLICIT, /* HTTP/1.0: it goes on, and the response has a field for that */
    HTTP_CLOSE,
};

/* Write an answer, without a body.  t->cut: it did not fit. */
void http_response_answer(struct text *t, const struct http_answer *answer, enum http_after after);

/* Write a response with a body, or none; a type of NULL: text/plain.  `head_only`: leave the body out,
 * as in an answer to HEAD. */
void http_response_plain(struct text *t, unsigned status, const char *type, struct slice body,
                         bool head_only, enum http_after after);

#endif
