/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of the introspect verifier, checked and in memory of their own; files are read
 * when it is opened and not again. */
#ifndef JETON_DAEMON_VERIFIERS_INTROSPECT_OPTIONS_H
#define JETON_DAEMON_VERIFIERS_INTROSPECT_OPTIONS_H

#include "daemon/verifiers/arguments.h"

enum {
    OPTIONS_HINT_MAX = 64,            /* bytes of token_type_hint= */
    OPTIONS_CA_MAX = 4 * 1024 * 1024, /* bytes of the file of ca= */
};

struct options {
    char *url;           /* what is asked, http: or https: */
    char *socket;        /* through this Unix socket, or NULL */
    const char *scheme;  /* the only one spoken: "http" or "https" */
    char *authorization; /* the header's line, secret, or NULL */
    char *hint;          /* or NULL: none is sent */
    char *subject_claim;
    char *issuer;     /* or NULL: any */
    size_t audiences; /* 0: any */
    char *audience[ARGUMENT_LIST_MAX];
    char *ca; /* PEM, or NULL: the system's */
    size_t ca_length;
    int64_t cache, negative_cache; /* seconds */
    uint64_t cache_entries;
};

/* NULL: `problem` says what is wrong, or that there is no memory. */
struct options *options_new(const struct jeton_argument *arguments, size_t count, char *problem,
                            size_t room);
void options_free(struct options *o);

#endif
