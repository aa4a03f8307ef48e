/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/pam/options.h"

#include <stddef.h>

#include "plugin/lib/jeton.h"
#include "proto/scopes.h"

enum {
    TIMEOUT = 5, /* seconds */
    TIMEOUT_MAX = 60,
};

void pam_options_init(struct pam_options *o)
{
    *o = (struct pam_options){
        .request = { .socket = JETON_SOCKET, .timeout = TIMEOUT },
        .prompt = "Token: ",
    };
}

static bool is_service(const char *name)
{
    return name[0] != '\0' && strlen(name) <= SERVICE_MAX && strchr(name, ',') == NULL &&
           scopes_fault(slice_of(name)) == NULL;
}

static const char *read_service(struct pam_options *o, const char *value)
{
    if (!is_service(value))
        return "must be a name of 1 to 64 characters out of A-Z a-z 0-9 . _ : / * -";
    strcpy(o->request.service, value);
    return NULL;
}

static const char *read_scope(struct pam_options *o, const char *value)
{
    const char *fault = value[0] == '\0' ? "must not be empty" : scopes_fault(slice_of(value));

    if (fault == NULL)
        strcpy(o->request.scopes, value);
    return fault;
}

static const char *read_socket(struct pam_options *o, const char *value)
{
    if (value[0] != '/' || strlen(value) >= sizeof(o->request.socket))
        return "must be an absolute path of at most 107 bytes";
    strcpy(o->request.socket, value);
    return NULL;
}

static const char *read_prompt(struct pam_options *o, const char *value)
{
    o->prompt = value;
    return value[0] == '\0' ? "must not be empty" : NULL;
}

static const char *read_timeout(struct pam_options *o, const char *value)
{
    uint64_t seconds;

    if (!number_parse(slice_of(value), TIMEOUT_MAX, &seconds) || seconds == 0)
        return "must be a number of seconds from 1 to 60";
    o->request.timeout = (int)seconds;
    return NULL;
}

static const struct option_row {
    const char *name;
    const char *(*read)(struct pam_options *o, const char *value); /* NULL, or the error */
    size_t flag; /* read == NULL: the offset of the bool that it sets */
} rows[] = {
    { "service", .read = read_service },
    { "scope", .read = read_scope },
    { "socket", .read = read_socket },
    { "prompt", .read = read_prompt },
    { "timeout", .read = read_timeout },
    { "debug", .flag = offsetof(struct pam_options, debug) },
    { "use_first_pass", .flag = offsetof(struct pam_options, use_first_pass) },
    { "try_first_pass", .flag = offsetof(struct pam_options, try_first_pass) },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char *read_option(struct pam_options *o, const char *argument, bool seen[ROWS])
{
    struct slice name = { argument, strcspn(argument, "=") };
    const char *value = argument[name.len] == '=' ? argument + name.len + 1 : NULL;
    size_t i = 0;

    while (i < ROWS && !slice_is(name, rows[i].name))
        i++;
    if (i == ROWS)
        return "no such option";
    if (seen[i])
        return "given twice";
    seen[i] = true;
    if (rows[i].read != NULL)
        return value != NULL ? rows[i].read(o, value) : "needs a value";
    *((bool *)(void *)((char *)o + rows[i].flag)) = true;
    return value != NULL ? "takes no value" : NULL;
}

const char *pam_options_read(struct pam_options *o, int argc, const char **argv, int *at)
{
    bool seen[ROWS] = { false };

    for (int i = 0; i < argc; i++) {
        const char *fault = read_option(o, argv[i], seen);
        if (fault != NULL) {
            *at = i;
            return fault;
        }
    }
    return NULL;
}

void pam_options_default_service(struct pam_options *o, const char *name)
{
    if (o->request.service[0] == '\0' && is_service(name))
        strcpy(o->request.service, name);
}
