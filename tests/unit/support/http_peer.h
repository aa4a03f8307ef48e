/* SPDX-License-Identifier: Apache-2.0 */
/* Another parser's reading of a request's head: http-parser's, where its header is installed.  What
 * both accept must mean the same to both. */
#ifndef JETON_TESTS_HTTP_PEER_H
#define JETON_TESTS_HTTP_PEER_H

#include "plugin/http/head.h"

#if __has_include(<http_parser.h>)
#include <http_parser.h>

#define HTTP_PEER_THERE true

struct http_peer {
    bool complete;
    bool field_begun; /* the last callback was for a name */
    unsigned fields;
    struct slice target;
    struct http_field field[HTTP_FIELDS_MAX + 1];
};

/* Add to a slice what follows it in the same bytes: http-parser gives texts in pieces. */
static inline void http_peer_extend(struct slice *s, const char *at, size_t len)
{
    if (s->at == NULL)
        s->at = at;
    s->len = (size_t)(at + len - s->at);
}

static inline int http_peer_on_url(http_parser *p, const char *at, size_t len)
{
    http_peer_extend(&((struct http_peer *)p->data)->target, at, len);
    return 0;
}

static inline int http_peer_on_name(http_parser *p, const char *at, size_t len)
{
    struct http_peer *peer = p->data;

    if (!peer->field_begun && peer->fields == HTTP_FIELDS_MAX)
        return 1;
    if (!peer->field_begun)
        peer->field[peer->fields++] = (struct http_field){ { NULL, 0 }, { NULL, 0 } };
    peer->field_begun = true;
    http_peer_extend(&peer->field[peer->fields - 1].name, at, len);
    return 0;
}

static inline int http_peer_on_value(http_parser *p, const char *at, size_t len)
{
    struct http_peer *peer = p->data;

    peer->field_begun = false;
    http_peer_extend(&peer->field[peer->fields - 1].value, at, len);
    return 0;
}

static inline int http_peer_on_head(http_parser *p)
{
    ((struct http_peer *)p->data)->complete = true;
    http_parser_pause(p, 1);
    return 0;
}

static inline bool http_peer_same_value(struct slice ours, struct slice theirs)
{
    while (theirs.len > 0 &&
           (theirs.at[theirs.len - 1] == ' ' || theirs.at[theirs.len - 1] == '\t'))
        theirs.len--; /* it keeps white space at the end */
    return slice_equal(ours, theirs);
}

static inline const char *http_peer_compare(const struct http_head *head, const http_parser *p,
                                            const struct http_peer *peer)
{
    bool body = (p->flags & F_CHUNKED) != 0 ||
                (p->content_length != UINT64_MAX && p->content_length > 0);

    if (!slice_is(head->method, http_method_str((enum http_method)p->method)))
        return "method";
    if (!slice_equal(head->target, peer->target))
        return "target";
    if (p->http_major != 1 || p->http_minor != head->minor)
        return "version";
    if (head->fields != peer->fields)
        return "number of fields";
    for (unsigned i = 0; i < head->fields; i++)
        if (!slice_equal(head->field[i].name, peer->field[i].name) ||
            !http_peer_same_value(head->field[i].value, peer->field[i].value))
            return "a field";
    if (head->body != body)
        return "whether there is a body";
    if (!head->body && !head->control && head->keep_alive != (http_should_keep_alive(p) != 0))
        return "whether the connection goes on";
    return NULL;
}

/* Compare with what was read from the bytes of a whole head.  Return NULL if http-parser refuses
 * them, or reads the same; otherwise what differs. */
static inline const char *http_peer_differs(const struct http_head *head, const char *bytes,
                                            bool *accepts)
{
    static const http_parser_settings settings = { .on_url = http_peer_on_url,
                                                   .on_header_field = http_peer_on_name,
                                                   .on_header_value = http_peer_on_value,
                                                   .on_headers_complete = http_peer_on_head };
    struct http_peer peer = { .complete = false };
    http_parser p;

    http_parser_init(&p, HTTP_REQUEST);
    p.data = &peer;
    http_parser_execute(&p, &settings, bytes, head->len);
    /* What comes next, if it is not paused: a coding other than chunked is refused, and so is a field
     * whose name only begins like Transfer-Encoding. */
    const bool refused = p.uses_transfer_encoding && (p.flags & F_CHUNKED) == 0;
    *accepts = peer.complete && HTTP_PARSER_ERRNO(&p) == HPE_PAUSED && !refused;
    return *accepts ? http_peer_compare(head, &p, &peer) : NULL;
}

#else

#define HTTP_PEER_THERE false

static inline const char *http_peer_differs(const struct http_head *head, const char *bytes,
                                            bool *accepts)
{
    (void)head;
    (void)bytes;
    *accepts = false;
    return NULL;
}

#endif
#endif
