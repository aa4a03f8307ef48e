/* SPDX-License-Identifier: Apache-2.0 */
/* Which site a request is for, and which site's page sends it.  Only our own may be either: a browser
 * can be made to send requests here by any page, under any name that resolves to this address.  No I/O,
 * no allocation. */
#ifndef JETON_PLUGIN_WEB_ORIGIN_H
#define JETON_PLUGIN_WEB_ORIGIN_H

#include "plugin/http/head.h"

enum { ORIGIN_MAX = 256 };

/* An origin (RFC 6454) as a browser writes it: scheme, host, and a port that is not the scheme's own. */
struct origin {
    size_t len;  /* 0: none is known yet */
    size_t host; /* where the host begins; Host has that and what follows */
    char text[ORIGIN_MAX];
};

/* Take an origin such as "https://tokens.example.org"; return NULL, or what is wrong with it. */
const char *origin_parse(struct slice text, struct origin *origin);

/* The origin of a TCP port on loopback.  Not under the name localhost: browsers try both [::1] and 127.0.0.1
 * for that, and the other one of them is free for another user. */
void origin_loopback(struct origin *origin, const char *host, unsigned port);

static inline struct slice origin_slice(const struct origin *origin)
{
    return (struct slice){ origin->text, origin->len };
}

/* What a request is about. */
enum origin_use {
    ORIGIN_PAGE,     /* the page itself, to which a link of another site may lead */
    ORIGIN_FILE,     /* what the page loads */
    ORIGIN_EXCHANGE, /* what the page's program asks for */
};

/* Return NULL if Host, Origin and Sec-Fetch-Site allow the request, or what is wrong, for people. */
const char *origin_fault(const struct origin *ours, const struct http_head *head,
                         enum origin_use use);

#endif
