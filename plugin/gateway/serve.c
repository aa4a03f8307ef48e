/* SPDX-License-Identifier: Apache-2.0 */
/* One request of a connection after the other: what is asked for, and the response. */
#include <sodium.h>

#include "plugin/gateway/connection_private.h"

static struct http_head head; /* of the request that is being answered */

static struct slice rest(const struct connection *c)
{
    return (struct slice){ c->in + c->in_at, c->in_len - c->in_at };
}

/* Wipe and skip what was answered: a value was in it. */
static void consume(struct connection *c, size_t len)
{
    sodium_memzero(c->in + c->in_at, len);
    c->in_at += len;
    c->searched = 0;
}

/* A connection that ends drops what it has, and reads what still comes, if any can. */
static void end_with(struct connection *c, bool linger)
{
    c->closing = true;
    c->linger = linger;
    consume(c, c->in_len - c->in_at);
}

void serve_failure(struct connection *c, unsigned status)
{
    http_response_plain(&c->out, status, NULL, (struct slice){ "", 0 }, true, HTTP_CLOSE);
    metrics_status(&c->context->metrics, status);
    end_with(c, true);
}

/* Log without a word of the request: a value could be anywhere in it. */
static void log_refused(const struct connection *c, const char *why)
{
    const uid_t uid = c->turn.peer->uid;

    if (uid == PEERS_TCP)
        log_write(LOG_DEBUG, "a request over TCP is refused: %s", why);
    else
        log_write(LOG_DEBUG, "a request of uid %u is refused: %s", (unsigned)uid, why);
}

static enum http_after after_of(const struct connection *c)
{
    if (!head.keep_alive || c->context->draining)
        return HTTP_CLOSE;
    return head.minor == 1 ? HTTP_KEEP : HTTP_KEEP_EXPLICIT;
}

/* Skip a request that was answered, or whose answer is awaited. */
static void finish_request(struct connection *c, enum http_after after)
{
    const bool linger = head.body || head.control;

    consume(c, head.len);
    if (after == HTTP_CLOSE)
        end_with(c, linger);
}

/* A process that ends lets no request follow one that waited. */
static enum http_after end_if_draining(struct connection *c)
{
    if (c->context->draining && c->verify.after != HTTP_CLOSE) {
        c->verify.after = HTTP_CLOSE;
        end_with(c, false);
    }
    return c->verify.after;
}

/* -- the admin side ---------------------------------------------------------------------------- */

static void respond_plain(struct connection *c, unsigned status, const char *type,
                          struct slice body)
{
    enum http_after after = after_of(c);

    http_response_plain(&c->out, status, type, body, slice_is(head.method, "HEAD"), after);
    metrics_status(&c->context->metrics, status);
    finish_request(c, after);
}

static void respond_metrics(struct connection *c)
{
    static char text[METRICS_TEXT_MAX];
    struct text t = text_in(text, sizeof(text));

    metrics_write(&c->context->metrics, &t);
    respond_plain(c, 200, "text/plain; version=0.0.4; charset=utf-8", text_slice(&t));
}

static void on_health(void *connection, bool alive)
{
    struct connection *c = connection;
    const struct slice body = alive ? (struct slice)SLICE("ok\n") :
                                      (struct slice)SLICE("the daemon does not answer\n");

    c->probe = NULL;
    http_response_plain(&c->out, alive ? 200 : 503, NULL, body, c->head_only, end_if_draining(c));
    metrics_status(&c->context->metrics, alive ? 200 : 503);
    connection_resume(c);
}

static bool respond_health(struct connection *c)
{
    c->verify.after = after_of(c);
    c->head_only = slice_is(head.method, "HEAD");
    c->probe = health_begin(c->context->base, c->context->rules->config.socket, on_health, c);
    if (c->probe == NULL) {
        respond_plain(c, 503, NULL, (struct slice)SLICE("the daemon does not answer\n"));
        return true;
    }
    c->waiting = true;
    finish_request(c, c->verify.after);
    return false;
}

static bool serve_admin(struct connection *c)
{
    const bool read = slice_is(head.method, "GET") || slice_is(head.method, "HEAD");
    const bool health = slice_is(head.target, "/healthz");

    if (!health && !slice_is(head.target, "/metrics"))
        respond_plain(c, 404, NULL, (struct slice)SLICE("here are /healthz and /metrics\n"));
    else if (!read)
        respond_plain(c, 405, NULL, (struct slice)SLICE("only GET and HEAD\n"));
    else if (health)
        return respond_health(c);
    else
        respond_metrics(c);
    return true;
}

/* -- verification ------------------------------------------------------------------------------ */

static void on_verdict(void *connection, enum jeton_status status)
{
    struct connection *c = connection;

    end_if_draining(c);
    verify_request_finish(&c->verify, c->context, status, &c->out);
    peers_answered(&c->context->peers, &c->turn);
    connection_resume(c);
}

static bool serve_verify(struct connection *c, const struct site *site)
{
    enum http_after after = after_of(c);

    c->turn.class = site->handle % PEERS_CLASSES;
    jeton_done *done = peers_may_ask(&c->turn) ? on_verdict : NULL;
    switch (verify_request_begin(&c->verify, c->context, site, &head, after, &c->out, done, c)) {
    case VERIFY_ANSWERED:
        finish_request(c, after);
        return true;
    case VERIFY_BAD:
        c->context->metrics.bad_heads++;
        serve_failure(c, 400);
        return false;
    case VERIFY_LATER:
        c->searched = 0;
        c->parked = true;
        return false;
    default:
        c->turn.peer->waiting[c->turn.class]++;
        c->waiting = true;
        finish_request(c, after);
        return false;
    }
}

static bool serve_http(struct connection *c)
{
    const struct site *site = verify_request_site(&c->context->rules->config, head.target);

    if (site != NULL)
        return serve_verify(c, site);
    log_refused(c, "it is for no site of the configuration");
    respond_plain(c, 404, NULL, (struct slice){ "", 0 });
    return true;
}

bool serve_next(struct connection *c)
{
    const struct slice bytes = rest(c);
    const char *why;

    if (bytes.len == 0)
        return false;
    switch (http_head_parse(bytes.at, bytes.len, &c->searched, &head, &why)) {
    case HTTP_HEAD_OK:
        return c->side == SIDE_HTTP ? serve_http(c) : serve_admin(c);
    case HTTP_HEAD_MORE:
        return false;
    case HTTP_HEAD_TOO_LONG:
        why = "it is too long";
        c->context->metrics.bad_heads++;
        serve_failure(c, 431);
        break;
    default:
        c->context->metrics.bad_heads++;
        serve_failure(c, 400);
    }
    log_refused(c, why);
    return false;
}
