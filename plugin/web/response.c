/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/response.h"

static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    { 200, "OK" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 417, "Expectation Failed" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 505, "HTTP Version Not Supported" },
    { 500, "Internal Server Error" },
};

enum { REASONS = sizeof(reasons) / sizeof(reasons[0]) };

/* Nothing is loaded from elsewhere, nor run that is written in the page itself; no other page may frame,
 * open, read or load this one. */
static const char confining[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-store\r\n"
    "Connection: close\r\n";

static void begin(struct text *t, unsigned status, const char *type)
{
    size_t i = 0;

    while (i < REASONS - 1 && reasons[i].status != status)
        i++;
    text_addf(t, "HTTP/1.1 %u %s\r\n", reasons[i].status, reasons[i].reason);
    text_adds(t, confining);
    text_addf(t, "Content-Type: %s\r\n", type);
}

static void end(struct text *t, size_t length)
{
    text_addf(t, "Content-Length: %zu\r\n\r\n", length);
}

void response_file(struct text *t, const struct page_file *file)
{
    begin(t, 200, file->type);
    end(t, file->bytes.len);
}

void response_proof(struct text *t, const char *proof)
{
    begin(t, 200, "text/plain; charset=utf-8");
    end(t, strlen(proof) + 1);
    text_adds(t, proof);
    text_addc(t, '\n');
}

void response_stream(struct text *t)
{
    begin(t, 200, "application/octet-stream");
    text_adds(t, "Transfer-Encoding: chunked\r\n\r\n");
}

void response_refusal(struct text *t, const struct request_verdict *v)
{
    size_t len = strlen(v->why);

    if (len > RESPONSE_WHY_MAX)
        len = RESPONSE_WHY_MAX;
    begin(t, v->status, "text/plain; charset=utf-8");
    if (v->status == 401)
        text_adds(t, "WWW-Authenticate: Bearer\r\n");
    if (v->status == 429 || v->status == 503)
        text_adds(t, "Retry-After: 1\r\n");
    if (v->allow != NULL)
        text_addf(t, "Allow: %s\r\n", v->allow);
    end(t, len + 1);
    if (v->head_only)
        return;
    text_add(t, v->why, len);
    text_addc(t, '\n');
}
