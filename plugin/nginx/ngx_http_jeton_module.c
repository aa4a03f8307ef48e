/* SPDX-License-Identifier: Apache-2.0 */
/* The module: its directives, its place in the phases, and the handles of each worker.
 *
 *     jeton off | SERVICE [scope=WORDS] [subject=VALUE];    http, server, location
 *     jeton_socket PATH;                                    http, server, location
 *     jeton_realm TEXT;                                     http, server, location
 *     jeton_accept bearer | basic | header:NAME ...;        http, server, location */
#include "plugin/nginx/ngx_http_jeton_module.h"

#include "proto/limits.h"
#include "proto/scopes.h"

typedef struct ngx_http_jeton_location location_t;
typedef struct ngx_http_jeton_link link_t;

/* Of the whole http block. */
struct main_conf {
    ngx_array_t links; /* of link_t * */
};

static const struct http_accept bearer_only = { .bearer = true };
static ngx_http_output_header_filter_pt next_header_filter;

/* -- directives ------------------------------------------------------------------------------- */

static ngx_int_t fault(ngx_conf_t *cf, const char *what, ngx_str_t *where)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s: \"%V\"", what, where);
    return NGX_ERROR;
}

static struct slice slice_of_str(const ngx_str_t *s)
{
    return (struct slice){ (char *)s->data, s->len };
}

static ngx_int_t set_service(ngx_conf_t *cf, location_t *l, ngx_str_t *word)
{
    static const char wrong[] = "jeton: no name of a service, which has 1 to 64 characters out of "
                                "A-Z a-z 0-9 . _ : / * -";

    if (word->len == 0 || word->len > SERVICE_MAX || ngx_strchr(word->data, ',') != NULL ||
        scopes_fault(slice_of_str(word)) != NULL)
        return fault(cf, wrong, word);
    l->service = *word;
    l->enabled = 1;
    return NGX_OK;
}

static ngx_int_t set_scope(ngx_conf_t *cf, location_t *l, ngx_str_t value)
{
    const char *what = value.len == 0 ? "jeton: a scope is missing after scope=" :
                                        scopes_fault(slice_of_str(&value));

    if (l->scope.data != NULL)
        what = "jeton: scope= is given twice";
    if (what != NULL)
        return fault(cf, what, &value);
    l->scope = value;
    return NGX_OK;
}

static ngx_int_t set_subject(ngx_conf_t *cf, location_t *l, ngx_str_t value)
{
    ngx_http_compile_complex_value_t compile = { .cf = cf, .value = &value };

    if (l->subject != NULL)
        return fault(cf, "jeton: subject= is given twice", &value);
    if (value.len == 0)
        return fault(cf, "jeton: a subject is missing after subject=", &value);
    l->subject = ngx_palloc(cf->pool, sizeof(*l->subject));
    if (l->subject == NULL)
        return NGX_ERROR;
    ngx_memzero(l->subject, sizeof(*l->subject));
    compile.complex_value = l->subject;
    return ngx_http_compile_complex_value(&compile);
}

static ngx_int_t set_argument(ngx_conf_t *cf, location_t *l, ngx_str_t *word)
{
    static const char scope[] = "scope=", subject[] = "subject=";
    ngx_str_t value = *word;

    if (slice_begins(slice_of_str(word), scope)) {
        value.data += sizeof(scope) - 1;
        value.len -= sizeof(scope) - 1;
        return set_scope(cf, l, value);
    }
    if (slice_begins(slice_of_str(word), subject)) {
        value.data += sizeof(subject) - 1;
        value.len -= sizeof(subject) - 1;
        return set_subject(cf, l, value);
    }
    return fault(cf, "jeton: this should be scope= or subject=", word);
}

static char *set_jeton(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
    location_t *l = conf;
    ngx_str_t *word = cf->args->elts;

    (void)command;
    if (l->enabled != NGX_CONF_UNSET)
        return "is duplicate";
    if (slice_is(slice_of_str(&word[1]), "off")) {
        l->enabled = 0;
        return cf->args->nelts == 2 ? NGX_CONF_OK : "takes nothing after off";
    }
    if (set_service(cf, l, &word[1]) != NGX_OK)
        return NGX_CONF_ERROR;
    for (ngx_uint_t i = 2; i < cf->args->nelts; i++)
        if (set_argument(cf, l, &word[i]) != NGX_OK)
            return NGX_CONF_ERROR;
    return NGX_CONF_OK;
}

static char *check_socket(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *path = data;

    (void)cf;
    (void)post;
    if (path->len == 0 || path->data[0] != '/')
        return "should be an absolute path";
    return path->len < sizeof(((struct sockaddr_un *)NULL)->sun_path) ?
               NGX_CONF_OK :
               "should have at most 107 bytes";
}

static char *check_realm(ngx_conf_t *cf, void *post, void *data)
{
    const char *what = http_realm_fault(slice_of_str(data));

    (void)post;
    if (what == NULL)
        return NGX_CONF_OK;
    fault(cf, what, data);
    return NGX_CONF_ERROR;
}

/* Join the words, as the other configurations have them in one list. */
static char *set_accept(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
    location_t *l = conf;
    ngx_str_t *word = cf->args->elts;
    char bytes[1024];
    struct text list = text_in(bytes, sizeof(bytes));

    (void)command;
    if (l->accept != NGX_CONF_UNSET_PTR)
        return "is duplicate";
    l->accept = ngx_palloc(cf->pool, sizeof(*l->accept));
    if (l->accept == NULL)
        return NGX_CONF_ERROR;
    for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
        text_adds(&list, i > 1 ? "," : "");
        text_add(&list, (char *)word[i].data, word[i].len);
    }
    const char *what = list.cut ? "the list is too long" :
                                  http_accept_parse(text_slice(&list), l->accept);
    if (what == NULL)
        return NGX_CONF_OK;
    fault(cf, what, &(ngx_str_t){ list.len, (u_char *)bytes });
    return NGX_CONF_ERROR;
}

static ngx_conf_post_t socket_check = { check_socket }, realm_check = { check_realm };

#define ANYWHERE (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF)

static ngx_command_t commands[] = {
    { ngx_string("jeton"), ANYWHERE | NGX_CONF_TAKE123, set_jeton, NGX_HTTP_LOC_CONF_OFFSET, 0,
      NULL },
    { ngx_string("jeton_socket"), ANYWHERE | NGX_CONF_TAKE1, ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET, offsetof(location_t, socket), &socket_check },
    { ngx_string("jeton_realm"), ANYWHERE | NGX_CONF_TAKE1, ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET, offsetof(location_t, realm), &realm_check },
    { ngx_string("jeton_accept"), ANYWHERE | NGX_CONF_1MORE, set_accept, NGX_HTTP_LOC_CONF_OFFSET,
      0, NULL },
    ngx_null_command,
};

/* -- configuration ---------------------------------------------------------------------------- */

static void *create_main_conf(ngx_conf_t *cf)
{
    struct main_conf *conf = ngx_pcalloc(cf->pool, sizeof(*conf));

    if (conf == NULL || ngx_array_init(&conf->links, cf->pool, 4, sizeof(link_t *)) != NGX_OK)
        return NULL;
    return conf;
}

static void *create_location(ngx_conf_t *cf)
{
    location_t *l = ngx_pcalloc(cf->pool, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->enabled = NGX_CONF_UNSET;
    l->accept = NGX_CONF_UNSET_PTR;
    return l;
}

/* Find or add the handle of a location. */
static link_t *link_of(ngx_conf_t *cf, const location_t *l)
{
    struct main_conf *conf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jeton_module);
    link_t **known = conf->links.elts;

    for (ngx_uint_t i = 0; i < conf->links.nelts; i++)
        if (slice_equal(slice_of_str(&known[i]->socket), slice_of_str(&l->socket)) &&
            slice_equal(slice_of_str(&known[i]->service), slice_of_str(&l->service)))
            return known[i];
    link_t *link = ngx_pcalloc(cf->pool, sizeof(*link)), **added = ngx_array_push(&conf->links);
    if (link == NULL || added == NULL)
        return NULL;
    link->socket = l->socket;
    link->service = l->service;
    *added = link;
    return link;
}

/* The words of `jeton` are inherited together: a location that names a service of its own needs what
 * it says there, not what is around it. */
static void merge_jeton(location_t *around, location_t *l)
{
    if (l->enabled != NGX_CONF_UNSET)
        return;
    l->enabled = around->enabled == NGX_CONF_UNSET ? 0 : around->enabled;
    l->service = around->service;
    l->scope = around->scope;
    l->subject = around->subject;
}

static char *merge_location(ngx_conf_t *cf, void *parent, void *child)
{
    location_t *around = parent, *l = child;

    merge_jeton(around, l);
    ngx_conf_merge_str_value(l->socket, around->socket, JETON_SOCKET);
    ngx_conf_merge_str_value(l->realm, around->realm, "jeton");
    ngx_conf_merge_ptr_value(l->accept, around->accept, (struct http_accept *)&bearer_only);
    if (l->enabled && (l->link = link_of(cf, l)) == NULL)
        return NGX_CONF_ERROR;
    return NGX_CONF_OK;
}

/* -- phases, filter and workers --------------------------------------------------------------- */

static ngx_int_t filter_header(ngx_http_request_t *r)
{
    ngx_http_jeton_take_back(r);
    return next_header_filter(r);
}

static ngx_int_t add_handlers(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *handler = ngx_array_push(&core->phases[NGX_HTTP_ACCESS_PHASE].handlers);

    if (handler == NULL)
        return NGX_ERROR;
    *handler = ngx_http_jeton_access;
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = filter_header;
    return NGX_OK;
}

static struct main_conf *main_conf_of(ngx_cycle_t *cycle)
{
    return ngx_http_cycle_get_module_main_conf(cycle, ngx_http_jeton_module); /* NULL: no http{} */
}

static ngx_int_t open_links(ngx_cycle_t *cycle)
{
    struct main_conf *conf = main_conf_of(cycle);

    if (conf == NULL || (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE))
        return NGX_OK;
    link_t **link = conf->links.elts;
    for (ngx_uint_t i = 0; i < conf->links.nelts; i++)
        ngx_http_jeton_link_open(link[i], cycle);
    return NGX_OK;
}

static void close_links(ngx_cycle_t *cycle)
{
    struct main_conf *conf = main_conf_of(cycle);

    if (conf == NULL)
        return;
    link_t **link = conf->links.elts;
    for (ngx_uint_t i = 0; i < conf->links.nelts; i++)
        ngx_http_jeton_link_close(link[i]);
}

static ngx_http_module_t context = {
    .preconfiguration = ngx_http_jeton_add_variables,
    .postconfiguration = add_handlers,
    .create_main_conf = create_main_conf,
    .create_loc_conf = create_location,
    .merge_loc_conf = merge_location,
};

ngx_module_t ngx_http_jeton_module = {
    NGX_MODULE_V1,
    .ctx = &context,
    .commands = commands,
    .type = NGX_HTTP_MODULE,
    .init_process = open_links,
    .exit_process = close_links,
    NGX_MODULE_V1_PADDING,
};
