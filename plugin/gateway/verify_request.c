/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/verify_request.h"

const struct site *verify_request_site(const struct config *c, struct slice target)
{
    static const char prefix[] = "/verify/";
    const size_t len = sizeof(prefix) - 1;

    if (target.len < len || memcmp(target.at, prefix, len) != 0)
        return NULL;
    struct slice name = { target.at + len, 0 };
    while (len + name.len < target.len && name.at[name.len] != '/' && name.at[name.len] != '?')
        name.len++;
    return config_find_site(c, name);
}

static void log_answer(const struct verify_request *v, const struct http_decision *d,
                       unsigned status)
{
    static const char *const credentials[] = { [HTTP_CREDENTIALS_NONE] = "no credentials",
                                               [HTTP_CREDENTIALS_MALFORMED] =
                                                   "malformed credentials" };
    const bool token = d->credentials == HTTP_CREDENTIALS_TOKEN;

    log_write(LOG_DEBUG, "site %s: %u: %s%s%s", v->site->name_text, status,
              token ? jeton_status_word(d->status) : credentials[d->credentials],
              token && v->claims.id[0] != '\0' ? ", token " : "", token ? v->claims.id : "");
}

static void respond(const struct verify_request *v, struct context *context,
                    enum http_credentials_status credentials, enum jeton_status status,
                    struct text *out)
{
    static struct http_answer answer;
    const struct http_decision decision = { .credentials = credentials,
                                            .status = status,
                                            .claims = &v->claims,
                                            .accept = &v->site->accept,
                                            .realm = slice_of(v->site->realm),
                                            .scope = slice_of(v->site->scope) };

    http_answer_decide(&answer, &decision);
    http_response_answer(out, &answer, v->after);
    metrics_status(&context->metrics, answer.status);
    metrics_decision(&context->metrics, &decision);
    if (answer.status != 200 && log_wants(LOG_DEBUG))
        log_answer(v, &decision, answer.status);
}

static enum jeton_status ask(struct verify_request *v, struct slice token, jeton_done *done,
                             void *owner)
{
    struct service_handle *handle = rules_handle(v->rules, v->site);
    const char *scope = v->site->scope, *subject = v->site->subject;

    if (done == NULL)
        return service_handle_look_up(handle, token, scope, subject, &v->claims);
    return service_handle_verify(handle, token, scope, subject, &v->claims, done, owner);
}

enum verify_outcome verify_request_begin(struct verify_request *v, struct context *context,
                                         const struct site *site, const struct http_head *head,
                                         enum http_after after, struct text *out, jeton_done *done,
                                         void *owner)
{
    static struct http_credentials credentials;
    enum jeton_status status = JETON_UNAVAILABLE;

    http_credentials_begin(&credentials);
    for (unsigned i = 0; i < head->fields; i++)
        http_credentials_field(&credentials, &site->accept, head->field[i].name,
                               head->field[i].value);
    /* Control characters in the credentials are as any that are malformed; elsewhere, the request
     * is. */
    if (head->control && credentials.status != HTTP_CREDENTIALS_MALFORMED) {
        http_credentials_end(&credentials);
        return VERIFY_BAD;
    }
    v->rules = context->rules;
    v->site = site;
    v->after = after;
    v->claims.size = sizeof(v->claims);
    if (credentials.status == HTTP_CREDENTIALS_TOKEN)
        status = ask(v, credentials.token, done, owner);
    http_credentials_end(&credentials);
    if (status == JETON_WAITING && done == NULL) {
        v->site = NULL;
        return VERIFY_LATER;
    }
    if (status == JETON_WAITING) {
        v->rules->waiting++;
        context->metrics.waiting++;
        return VERIFY_WAITING;
    }
    respond(v, context, credentials.status, status, out);
    v->site = NULL;
    return VERIFY_ANSWERED;
}

static void end_wait(struct verify_request *v, struct context *context)
{
    v->rules->waiting--;
    context->metrics.waiting--;
    v->site = NULL;
}

void verify_request_finish(struct verify_request *v, struct context *context,
                           enum jeton_status status, struct text *out)
{
    respond(v, context, HTTP_CREDENTIALS_TOKEN, status, out);
    end_wait(v, context);
}

void verify_request_cancel(struct verify_request *v, struct context *context, void *owner)
{
    if (v->site == NULL)
        return;
    service_handle_cancel(rules_handle(v->rules, v->site), owner);
    end_wait(v, context);
}
