/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/request.h"

#include "proto/request.h"

static struct request_verdict refuse(unsigned status, const char *why)
{
    return (struct request_verdict){ .status = status, .why = why };
}

static struct request_verdict refuse_method(const char *allow)
{
    struct request_verdict v = refuse(405, "this method is not allowed here");

    v.allow = allow;
    return v;
}

/* -- the body -------------------------------------------------------------------------------- */

/* The parser has refused two lengths, and lengths that are none. */
static bool find_length(const struct http_head *head, uint64_t *length)
{
    for (unsigned i = 0; i < head->fields; i++)
        if (http_name_equal(head->field[i].name, (struct slice)SLICE("Content-Length")))
            return number_parse(head->field[i].value, INT64_MAX, length);
    return false;
}

static bool has(const struct http_head *head, const char *name)
{
    for (unsigned i = 0; i < head->fields; i++)
        if (http_name_equal(head->field[i].name, slice_of(name)))
            return true;
    return false;
}

/* The page knows when its user last did anything.  What is no number is not given. */
static int64_t find_idle(const struct http_head *head)
{
    int64_t idle = -1;
    uint64_t number;

    for (unsigned i = 0; i < head->fields; i++)
        if (http_name_equal(head->field[i].name, (struct slice)SLICE("Jeton-Idle")) &&
            number_parse(head->field[i].value, INT32_MAX, &number))
            idle = (int64_t)number;
    return idle;
}

static struct request_verdict judge_body(const struct http_head *head)
{
    uint64_t length;

    if (has(head, "Transfer-Encoding"))
        return refuse(400, "Transfer-Encoding is not taken: give Content-Length");
    if (has(head, "Expect"))
        return refuse(417, "Expect is not taken: send the body");
    if (!find_length(head, &length))
        return refuse(411, "Content-Length is missing");
    if (length == 0)
        return refuse(400, "there are no lines");
    if (length > REQUEST_BODY_MAX)
        return refuse(413, "the lines are longer than 64 KiB");
    return (struct request_verdict){ .status = 200,
                                     .length = (size_t)length,
                                     .idle = find_idle(head) };
}

/* -- the request ----------------------------------------------------------------------------- */

static struct request_verdict judge_exchange(const struct request_rules *rules,
                                             const struct http_head *head)
{
    struct request_verdict v;

    switch (secret_judge(rules->secret, head)) {
    case SECRET_GOOD:
        return judge_body(head);
    case SECRET_ABSENT:
        return refuse(401, "the secret is missing: open the link that jeton web printed");
    default:
        v = refuse(401, "this is not the secret: open the link that jeton web printed last");
        v.wrong_secret = true;
        return v;
    }
}

/* What is learnt by it is of use only to who knows the secret. */
static struct request_verdict judge_proof(const struct request_rules *rules,
                                          const struct http_head *head)
{
    struct request_verdict v = { .status = 200 };

    if (head->body)
        return refuse(400, "a body is announced, where none can be");
    for (unsigned i = 0; i < head->fields; i++)
        if (http_name_equal(head->field[i].name, (struct slice)SLICE("Jeton-Nonce")) &&
            (v.proof[0] != '\0' || !secret_prove(rules->secret, head->field[i].value, v.proof)))
            return refuse(400, "Jeton-Nonce is given twice, or is not 64 hexadecimal digits");
    return v.proof[0] != '\0' ? v : refuse(400, "Jeton-Nonce is missing");
}

static struct request_verdict judge_file(const struct request_rules *rules,
                                         const struct http_head *head)
{
    const bool head_only = slice_is(head->method, "HEAD");
    const struct page_file *file = page_find(rules->page, head->target);

    if (!head_only && !slice_is(head->method, "GET"))
        return refuse_method("GET, HEAD");
    if (head->body)
        return refuse(400, "a body is announced, where none can be");
    if (file == NULL)
        return refuse(404, "there is no such file");
    return (struct request_verdict){ .status = 200, .file = file, .head_only = head_only };
}

struct request_verdict request_judge(const struct request_rules *rules,
                                     const struct http_head *head)
{
    const bool proof = slice_is(head->target, "/proof"),
               exchange = slice_is(head->target, "/exchange");
    const enum origin_use use = exchange || proof           ? ORIGIN_EXCHANGE :
                                slice_is(head->target, "/") ? ORIGIN_PAGE :
                                                              ORIGIN_FILE;
    struct request_verdict v;

    if (head->minor == 0)
        return refuse(505, "HTTP/1.1 is needed");
    if (head->control)
        return refuse(400, "a field has control characters");
    const char *fault = origin_fault(rules->origin, head, use);
    if (fault != NULL)
        v = refuse(403, fault);
    else if (use != ORIGIN_EXCHANGE)
        v = judge_file(rules, head);
    else if (!slice_is(head->method, "POST"))
        v = refuse_method("POST");
    else
        v = proof ? judge_proof(rules, head) : judge_exchange(rules, head);
    v.head_only = slice_is(head->method, "HEAD");
    return v;
}

bool request_is_unattended(struct slice body)
{
    const uint64_t by_itself = UINT64_C(1) << VERB_WATCH | UINT64_C(1) << VERB_STATS |
                               UINT64_C(1) << VERB_HELLO | UINT64_C(1) << VERB_HELP |
                               UINT64_C(1) << VERB_PING | UINT64_C(1) << VERB_QUIT;

    while (body.len > 0) {
        const char *end = memchr(body.at, '\n', body.len);
        size_t len = end != NULL ? (size_t)(end - body.at) : body.len;
        struct request_line line = request_look((char *)body.at, len);
        if (!line.ignorable && (line.verb == VERB_COUNT || (by_itself >> line.verb & 1) == 0))
            return false;
        len += end != NULL;
        body = (struct slice){ body.at + len, body.len - len };
    }
    return true;
}
