/* SPDX-License-Identifier: Apache-2.0 */
/* What a location's other directives can say of the token, as the gateway's header fields have it:
 *
 *     $jeton_id $jeton_subject $jeton_scopes $jeton_expires $jeton_verifier    "" unless it is good
 *     $jeton_status    ok, unknown, revoked, ...; none or malformed credentials; "" without `jeton` */
#include "plugin/nginx/ngx_http_jeton_module.h"

static ngx_int_t get_identity(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t get_status(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);

static const struct {
    ngx_str_t name;
    ngx_http_get_variable_pt get;
    const char *field; /* of the answer */
} variables[] = {
    { ngx_string("jeton_id"), get_identity, "X-Jeton-Id" },
    { ngx_string("jeton_subject"), get_identity, "X-Jeton-Subject" },
    { ngx_string("jeton_scopes"), get_identity, "X-Jeton-Scopes" },
    { ngx_string("jeton_expires"), get_identity, "X-Jeton-Expires" },
    { ngx_string("jeton_verifier"), get_identity, "X-Jeton-Verifier" },
    { ngx_string("jeton_status"), get_status, NULL },
};

/* An internal redirect may lead to another verification: nothing is cached. */
ngx_int_t ngx_http_jeton_add_variables(ngx_conf_t *cf)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        ngx_str_t name = variables[i].name;
        ngx_http_variable_t *added = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (added == NULL)
            return NGX_ERROR;
        added->get_handler = variables[i].get;
        added->data = (uintptr_t)variables[i].field;
    }
    return NGX_OK;
}

static ngx_int_t set(ngx_http_request_t *r, ngx_http_variable_value_t *v, struct slice text)
{
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = (unsigned)text.len;
    v->data = ngx_pnalloc(r->pool, text.len);
    if (v->data == NULL)
        return NGX_ERROR;
    ngx_memcpy(v->data, text.at, text.len);
    return NGX_OK;
}

static ngx_int_t get_identity(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    const struct ngx_http_jeton_request *verified = ngx_http_jeton_request_of(r);

    if (verified != NULL && verified->progress == NGX_HTTP_JETON_ANSWERED) {
        const struct http_answer *answer = ngx_http_jeton_answer(verified);
        for (unsigned i = 0; i < answer->fields; i++)
            if (slice_is(answer->field[i].name, (const char *)data))
                return set(r, v, answer->field[i].value);
    }
    return set(r, v, (struct slice){ "", 0 });
}

static ngx_int_t get_status(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    const struct ngx_http_jeton_request *verified = ngx_http_jeton_request_of(r);
    const char *word = "";

    (void)data;
    if (verified != NULL && verified->progress == NGX_HTTP_JETON_ANSWERED)
        word = verified->credentials == HTTP_CREDENTIALS_NONE ? "none" :
               verified->credentials != HTTP_CREDENTIALS_TOKEN ?
                                                                "malformed" :
                                                                jeton_status_word(verified->status);
    return set(r, v, slice_of(word));
}
