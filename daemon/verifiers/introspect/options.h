/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of the introspect verifier: checked, copied, and their files read.  Constant once
 * the verifier is open. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_OPTIONS_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_OPTIONS_H

#include "daemon/verifiers/arguments.h"

enum {
    OPTIONS_HINT_MAX = 64,            /* bytes of token_type_hint= */
    OPTIONS_CA_MAX = 4 * 1024 * 1024, /* bytes of the file of ca= */
};

struct options {
    char *url;           /* of the introspection endpoint, http: or https: */
    char *socket;        /* the Unix socket to connect to, or NULL */
    const char *scheme;  /* the only one that is used: "http" or "https" */
    char *authorization; /* the header's line, secret, or NULL */
    char *hint;          /* NULL: no token_type_hint is sent */
    char *subject_claim;
    char *issuer;     /* NULL: any */
    size_t audiences; /* 0: any */
    char *audience[ARGUMENT_LIST_MAX];
    char *ca; /* PEM; NULL: the system's certificates */
    size_t ca_length;
    int64_t cache, negative_cache; /* seconds */
    uint64_t cache_entries;
};

/* Check and copy the arguments, and read their files.  NULL: an argument is wrong or memory is
 * exhausted, as `problem` says. */
struct options *options_new(const struct jeton_argument *arguments, size_t count, char *problem,
                            size_t size);
void options_free(struct options *o);

#endif
