/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the nginx module share.  A worker of nginx has one thread, which owns it all. */
#ifndef JETON_PLUGIN_NGINX_MODULE_H
#define JETON_PLUGIN_NGINX_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "plugin/http/answer.h"
#include "plugin/nginx/ngx_http_jeton_link.h"

extern ngx_module_t ngx_http_jeton_module;

/* What the directives of a location, or of what is around it, ask for. */
struct ngx_http_jeton_location {
    ngx_flag_t enabled;
    ngx_str_t service; /* NUL-terminated, as `scope` is */
    ngx_str_t scope;   /* empty: none is needed */
    ngx_http_complex_value_t *subject;
    ngx_str_t socket; /* NUL-terminated */
    ngx_str_t realm;
    struct http_accept *accept;
    struct ngx_http_jeton_link *link;
};

enum ngx_http_jeton_progress { NGX_HTTP_JETON_ASKING, NGX_HTTP_JETON_ANSWERED };

/* One request, in its pool. */
struct ngx_http_jeton_request {
    ngx_http_request_t *request;
    struct ngx_http_jeton_location *location; /* the one that asked */
    enum ngx_http_jeton_progress progress;
    enum http_credentials_status credentials;
    enum jeton_status status;
    struct jeton_claims claims;
    ngx_event_t resume; /* posted once the answer is there */
    ngx_uint_t refusal; /* an HTTP status, if fields were added to the response */
    unsigned added;
    ngx_table_elt_t *field[HTTP_ANSWER_FIELDS_MAX];
};

/* Return the request's verification, also after an internal redirect; NULL: there was none. */
struct ngx_http_jeton_request *ngx_http_jeton_request_of(ngx_http_request_t *r);

/* Return how the request is answered; valid until the next call. */
const struct http_answer *ngx_http_jeton_answer(const struct ngx_http_jeton_request *v);

/* A handler of the access phase. */
ngx_int_t ngx_http_jeton_access(ngx_http_request_t *r);

/* Take back what was added for a refusal if the response is none: `satisfy any`, `error_page`. */
void ngx_http_jeton_take_back(ngx_http_request_t *r);

/* Add the variables.  Return NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_jeton_add_variables(ngx_conf_t *cf);

#endif
