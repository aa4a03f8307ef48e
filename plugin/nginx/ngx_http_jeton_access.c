/* SPDX-License-Identifier: Apache-2.0 */
/* The access phase: take the token from the request's header, verify it, and let the request pass or
 * answer it.  Where the table cannot answer, the request waits for the daemon, and the worker goes
 * on with others. */
#include "plugin/nginx/ngx_http_jeton_module.h"

#include "proto/limits.h"

static struct http_credentials credentials; /* of the request that is looked at */
static struct http_answer answer;

static struct ngx_http_jeton_request *begin(ngx_http_request_t *r);
static void find_credentials(struct ngx_http_jeton_request *v);
static ngx_int_t verify(struct ngx_http_jeton_request *v);
static ngx_int_t finish(struct ngx_http_jeton_request *v);

ngx_int_t ngx_http_jeton_access(ngx_http_request_t *r)
{
    struct ngx_http_jeton_request *v = ngx_http_get_module_ctx(r, ngx_http_jeton_module);
    struct ngx_http_jeton_location *location = ngx_http_get_module_loc_conf(r,
                                                                            ngx_http_jeton_module);

    if (!location->enabled)
        return NGX_DECLINED;
    if (v != NULL)
        return v->progress == NGX_HTTP_JETON_ASKING ? NGX_AGAIN : finish(v);
    v = begin(r);
    if (v == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    find_credentials(v);
    ngx_int_t result = v->credentials == HTTP_CREDENTIALS_TOKEN ? verify(v) : NGX_OK;
    http_credentials_end(&credentials);
    return result == NGX_OK ? finish(v) : result;
}

/* -- one request ------------------------------------------------------------------------------- */

static void resume(ngx_event_t *event);

/* Forget the request, which may be waiting: its pool is destroyed. */
static void cancel(void *data)
{
    struct ngx_http_jeton_request *v = data;

    if (v->progress == NGX_HTTP_JETON_ASKING && v->location->link->handle != NULL)
        jeton_cancel(v->location->link->handle, v);
    if (v->resume.posted) { /* a macro of several statements */
        ngx_delete_posted_event(&v->resume);
    }
}

static struct ngx_http_jeton_request *begin(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool,
                                                       sizeof(struct ngx_http_jeton_request));
    struct ngx_http_jeton_request *v;

    if (cleanup == NULL)
        return NULL;
    v = cleanup->data;
    cleanup->handler = cancel;
    v->request = r;
    v->location = ngx_http_get_module_loc_conf(r, ngx_http_jeton_module);
    v->progress = NGX_HTTP_JETON_ANSWERED;
    v->status = JETON_UNAVAILABLE;
    /* Empty claims, without writing all of their 2.5 KiB. */
    ngx_memzero(&v->claims, offsetof(struct jeton_claims, subject));
    v->claims.size = sizeof(v->claims);
    v->claims.subject[0] = v->claims.scopes[0] = '\0';
    ngx_memzero(&v->resume, sizeof(v->resume));
    v->resume.handler = resume;
    v->resume.data = v;
    v->resume.log = r->connection->log;
    v->added = 0;
    ngx_http_set_ctx(r, v, ngx_http_jeton_module);
    return v;
}

struct ngx_http_jeton_request *ngx_http_jeton_request_of(ngx_http_request_t *r)
{
    struct ngx_http_jeton_request *v = ngx_http_get_module_ctx(r, ngx_http_jeton_module);

    if (v != NULL || (!r->internal && !r->filter_finalize))
        return v;
    for (ngx_pool_cleanup_t *c = r->pool->cleanup; c != NULL; c = c->next)
        if (c->handler == cancel)
            return c->data;
    return NULL;
}

/* -- verification ------------------------------------------------------------------------------ */

static void find_credentials(struct ngx_http_jeton_request *v)
{
    const ngx_list_part_t *part = &v->request->headers_in.headers.part;

    http_credentials_begin(&credentials);
    for (; part != NULL; part = part->next) {
        const ngx_table_elt_t *field = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++)
            http_credentials_field(&credentials, v->location->accept,
                                   (struct slice){ (char *)field[i].key.data, field[i].key.len },
                                   (struct slice){ (char *)field[i].value.data,
                                                   field[i].value.len });
    }
    v->credentials = credentials.status;
}

/* Called by jeton_dispatch(): go on with the request only after that. */
static void on_answer(void *context, enum jeton_status status)
{
    struct ngx_http_jeton_request *v = context;

    v->status = status;
    v->progress = NGX_HTTP_JETON_ANSWERED;
    ngx_post_event(&v->resume, &ngx_posted_events);
}

static void resume(ngx_event_t *event)
{
    struct ngx_http_jeton_request *v = event->data;
    ngx_connection_t *c = v->request->connection;

    /* A client that went away has led the request elsewhere, by post_action: it waits no longer. */
    if (ngx_http_get_module_ctx(v->request, ngx_http_jeton_module) != v)
        return;
    v->request->read_event_handler = ngx_http_block_reading;
    v->request->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(v->request);
    ngx_http_run_posted_requests(c);
}

/* Wait for on_answer(); a client that goes away meanwhile ends the request, and cancel() the
 * question. */
static ngx_int_t wait_for_answer(struct ngx_http_jeton_request *v)
{
    ngx_http_request_t *r = v->request;

    v->progress = NGX_HTTP_JETON_ASKING;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    return NGX_AGAIN;
}

/* Evaluate the subject that is asked for.  Return NULL: it cannot be. */
static const char *subject_of(struct ngx_http_jeton_request *v)
{
    ngx_str_t subject;

    if (ngx_http_complex_value(v->request, v->location->subject, &subject) != NGX_OK)
        return NULL;
    /* The client may have chosen it.  No subject is so long or has a NUL, and what is before a NUL is
     * another one; an empty one is nobody. */
    if (subject.len > SUBJECT_MAX ||
        (subject.len > 0 && memchr(subject.data, '\0', subject.len) != NULL))
        subject.len = 0;
    char *text = ngx_pnalloc(v->request->pool, subject.len + 1);
    if (text != NULL)
        ngx_cpystrn((u_char *)text, subject.data, subject.len + 1);
    return text;
}

/* Return NGX_OK: v->status is the answer. */
static ngx_int_t verify(struct ngx_http_jeton_request *v)
{
    const struct ngx_http_jeton_location *l = v->location;
    const char *subject = NULL, *scope = l->scope.len > 0 ? (char *)l->scope.data : NULL;

    if (l->subject != NULL && (subject = subject_of(v)) == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (l->link->handle == NULL)
        return NGX_OK;
    v->status = jeton_verify_start(l->link->handle, credentials.token.at, credentials.token.len,
                                   scope, subject, &v->claims, on_answer, v);
    if (v->claims.source == JETON_TABLE)
        return NGX_OK;
    ngx_http_jeton_link_watch(l->link);
    return v->status == JETON_WAITING ? wait_for_answer(v) : NGX_OK;
}

/* -- the response ------------------------------------------------------------------------------ */

const struct http_answer *ngx_http_jeton_answer(const struct ngx_http_jeton_request *v)
{
    const struct ngx_http_jeton_location *l = v->location;
    struct http_decision decision = {
        .credentials = v->credentials,
        .status = v->status,
        .claims = &v->claims,
        .accept = l->accept,
        .realm = { (char *)l->realm.data, l->realm.len },
        .scope = { (char *)l->scope.data, l->scope.len },
    };

    http_answer_decide(&answer, &decision);
    return &answer;
}

/* Add a header field to the response; its name is a literal.  Return NULL: no memory. */
static ngx_table_elt_t *add_field(ngx_http_request_t *r, const struct http_answer_field *field)
{
    ngx_table_elt_t *added = ngx_list_push(&r->headers_out.headers);
    u_char *value = ngx_pnalloc(r->pool, field->value.len);

    if (added == NULL)
        return NULL;
    added->hash = value != NULL;
#if nginx_version >= 1023000
    added->next = NULL;
#endif
    added->key = (ngx_str_t){ field->name.len, (u_char *)field->name.at };
    added->value = (ngx_str_t){ field->value.len, value };
    if (value == NULL)
        return NULL;
    ngx_memcpy(value, field->value.at, field->value.len);
    return added;
}

/* Add a challenge to those of other modules, so that `satisfy any` can take all of them back. */
static void link_challenge(ngx_http_request_t *r, ngx_table_elt_t *challenge)
{
#if nginx_version >= 1023000
    challenge->next = r->headers_out.www_authenticate;
#endif
    r->headers_out.www_authenticate = challenge;
}

static bool add_fields(struct ngx_http_jeton_request *v, const struct http_answer *a)
{
    for (unsigned i = 0; i < a->fields; i++) {
        if (!http_answer_is_for_client(a->field[i].name))
            continue;
        ngx_table_elt_t *added = add_field(v->request, &a->field[i]);
        if (added == NULL)
            return false;
        v->field[v->added++] = added;
        if (slice_is(a->field[i].name, "WWW-Authenticate"))
            link_challenge(v->request, added);
    }
    return true;
}

void ngx_http_jeton_take_back(ngx_http_request_t *r)
{
    struct ngx_http_jeton_request *v = ngx_http_jeton_request_of(r);

    if (v != NULL && v->added > 0 && r->headers_out.status != v->refusal)
        while (v->added > 0)
            v->field[--v->added]->hash = 0;
}

/* A refusal is the client's affair; what nobody could judge is the administrator's. */
static void log_answer(const struct ngx_http_jeton_request *v, unsigned status)
{
    const struct ngx_http_jeton_link *link = v->location->link;
    ngx_log_t *log = v->request->connection->log;

    if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "jeton: %s: service \"%V\", socket \"%V\"",
                      jeton_status_text(v->status), &link->service, &link->socket);
    } else {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, log, 0, "jeton: %s, status %ui",
                       jeton_status_word(v->status), (ngx_uint_t)status);
    }
}

/* Let the request pass, or answer it. */
static ngx_int_t finish(struct ngx_http_jeton_request *v)
{
    const struct http_answer *a = ngx_http_jeton_answer(v);

    log_answer(v, a->status);
    if (a->status == NGX_HTTP_OK)
        return NGX_OK;
    v->refusal = a->status;
    return add_fields(v, a) ? (ngx_int_t)a->status : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
