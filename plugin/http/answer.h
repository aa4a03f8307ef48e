/* SPDX-License-Identifier: Apache-2.0 */
/* Decide how a request for verification is answered in HTTP: one status, and header fields (RFC
 * 6750).  The gateway and modules of web servers share this, so that they answer the same.  No I/O,
 * no allocation, no state; any thread.
 *
 *     200  the token is good: X-Jeton-Id, -Subject, -Scopes, -Expires and -Verifier name its claims
 *     401  no token, or not a good one
 *     403  a good token, but not for this
 *     500  the question is wrong: the configuration is
 *     503  nobody could judge the token
 *
 * All five X-Jeton fields are in each answer, empty where there is nothing to say: a proxy that
 * copies them to a request replaces what the client sent there.  In all but a 200 they are empty, as
 * a proxy may let a request pass for another reason. */
#ifndef JETON_PLUGIN_HTTP_ANSWER_H
#define JETON_PLUGIN_HTTP_ANSWER_H

#include "plugin/http/credentials.h"
#include "plugin/lib/jeton.h"

enum {
    HTTP_ANSWER_FIELDS_MAX = 9,
    HTTP_ANSWER_TEXT_MAX = 6 * 1024,
    HTTP_REALM_MAX = 128,
    HTTP_RETRY_AFTER = 5, /* seconds, of a 503 */
};

/* What the answer is decided by. */
struct http_decision {
    enum http_credentials_status credentials;
    enum jeton_status status;          /* of a token */
    const struct jeton_claims *claims; /* of a token */
    const struct http_accept *accept;  /* what the client is asked for */
    struct slice realm;                /* http_realm_fault() accepts it */
    struct slice scope;                /* words that were asked for, joined by commas; or empty */
};

struct http_answer_field {
    struct slice name;
    struct slice value;
};

/* An answer.  Its values point into `text`, and into the decision's claims. */
struct http_answer {
    unsigned status;
    unsigned fields;
    struct http_answer_field field[HTTP_ANSWER_FIELDS_MAX];
    struct text text;
    char bytes[HTTP_ANSWER_TEXT_MAX];
};

void http_answer_decide(struct http_answer *answer, const struct http_decision *decision);

/* True for those fields of an answer that the client needs; the others are for the application. */
bool http_answer_is_for_client(struct slice name);

/* Return NULL if the text can be a realm, or what is wrong with it. */
const char *http_realm_fault(struct slice realm);

#endif
