/* SPDX-License-Identifier: Apache-2.0 */
/* Take the token out of a request's header fields: of `Authorization: Bearer`, of Basic (its
 * password), or of a field with a name of its own.  There must be one: where two are given, or what
 * is given can be read in two ways, there is none.  No I/O, no allocation, no state; any thread. */
#ifndef JETON_PLUGIN_HTTP_CREDENTIALS_H
#define JETON_PLUGIN_HTTP_CREDENTIALS_H

#include "proto/limits.h"
#include "proto/text.h"

enum { HTTP_ACCEPT_NAMES = 4, HTTP_ACCEPT_NAME_MAX = 64 };

/* Which credentials are accepted. */
struct http_accept {
    bool bearer;
    bool basic;
    bool basic_first; /* it is named before bearer: so clients are asked for it first */
    unsigned names;   /* of fields whose whole value is the token */
    struct {
        size_t len;
        char text[HTTP_ACCEPT_NAME_MAX];
    } name[HTTP_ACCEPT_NAMES];
};

/* Parse a list such as "bearer,basic,header:X-API-Key", in which white space may be around commas.
 * Return NULL, or what is wrong with it. */
const char *http_accept_parse(struct slice text, struct http_accept *accept);

enum http_credentials_status {
    HTTP_CREDENTIALS_NONE,      /* none came, or none of a kind that is accepted */
    HTTP_CREDENTIALS_TOKEN,     /* a token, which is still to be verified */
    HTTP_CREDENTIALS_MALFORMED, /* something came that is no token, or more than one */
};

struct http_credentials {
    enum http_credentials_status status;
    struct slice token; /* in the field's value, or in `decoded` */
    bool authorization; /* an Authorization field was there */
    size_t decoded_len; /* bytes of `decoded` that were written */
    char decoded[VALUE_MAX + 1];
};

/* Begin a request. */
static inline void http_credentials_begin(struct http_credentials *c)
{
    c->status = HTTP_CREDENTIALS_NONE;
    c->authorization = false;
    c->decoded_len = 0;
}

/* Look at one header field; its value is without white space around it.  Return true if the field is
 * one that can carry accepted credentials. */
bool http_credentials_field(struct http_credentials *c, const struct http_accept *accept,
                            struct slice name, struct slice value);

/* Wipe what was decoded. */
void http_credentials_end(struct http_credentials *c);

#endif
