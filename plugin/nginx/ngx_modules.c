/* SPDX-License-Identifier: Apache-2.0 */
/* What nginx looks up in a shared object that it loads (load_module): the modules in it. */
#include <ngx_config.h>
#include <ngx_core.h>

extern ngx_module_t ngx_http_jeton_module;

#pragma GCC visibility push(default)
extern ngx_module_t *ngx_modules[];
extern char *ngx_module_names[];
extern char *ngx_module_order[];

ngx_module_t *ngx_modules[] = { &ngx_http_jeton_module, NULL };
char *ngx_module_names[] = { "ngx_http_jeton_module", NULL };
char *ngx_module_order[] = { NULL }; /* any */
#pragma GCC visibility pop
