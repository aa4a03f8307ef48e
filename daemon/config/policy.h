/* SPDX-License-Identifier: Apache-2.0 */
/* The sections [policy] and [policy NAME]: what a token must be like to be made, and which warnings
 * precede its end.  Read from the configuration; the writer applies it (writer/policy_check.h). */
#ifndef JETON_DAEMON_CONFIG_POLICY_H
#define JETON_DAEMON_CONFIG_POLICY_H

#include <sys/types.h>

#include "proto/limits.h"
#include "proto/request.h"

enum {
    POLICIES_MAX = 32,         /* sections [policy NAME] */
    POLICY_SCOPES_TEXT = 1024, /* bytes of scope patterns of one section */
    POLICY_WARNINGS_MAX = 8,
    POLICY_EXEMPT_MAX = 16,
    POLICY_USER_MAX = 64, /* bytes of a user's name, with NUL */
};

/* What [self] is called in replies, which no [policy NAME] can be. */
#define POLICY_SELF_NAME "self"

/* What a token must have. */
enum policy_requirement {
    POLICY_REQUIRE_DESCRIPTION = 1,
    POLICY_REQUIRE_SUBJECT = 2,
    POLICY_REQUIRE_SCOPES = 4,
    POLICY_REQUIRE_EXPIRY = 8,
};

enum policy_key {
    POLICY_KEY_SUBJECT,
    POLICY_KEY_DEFAULT_TTL,
    POLICY_KEY_MAX_TTL,
    POLICY_KEY_REQUIRE,
    POLICY_KEY_SCOPES,
    POLICY_KEY_MAX_TOKENS,
    POLICY_KEY_WARN,          /* of [policy] alone, as the next */
    POLICY_KEY_EXEMPT_IMPORT, /* users */
    POLICY_KEYS
};

/* One section.  A pattern's * stands for any text, also the empty one. */
struct policy {
    char name[SERVICE_MAX + 1];          /* NAME of [policy NAME]; empty: [policy] */
    char subject[SUBJECT_MAX + 1];       /* a pattern; for named ones only */
    int64_t default_ttl;                 /* seconds; 0: a token without an end has none */
    int64_t max_ttl;                     /* seconds from now on; 0: any */
    unsigned require;                    /* POLICY_REQUIRE_... */
    uint64_t max_tokens_per_subject;     /* that are neither revoked nor expired; 0: any number */
    char scopes[POLICY_SCOPES_TEXT + 1]; /* patterns, joined by commas; empty: any scope */
    int begun;             /* the line of the section; -1: --set; 0: it is not there */
    int line[POLICY_KEYS]; /* of each key likewise */
    uint32_t refused;      /* 1 << key: its value was wrong, and not taken */
};

struct policies {
    size_t count;
    struct policy named[POLICIES_MAX]; /* in the order in which they are tried */
    struct policy other;               /* [policy]: for subjects that none of them matches */
    struct policy self;                /* [self]: of users' own sockets, besides one of these */
    size_t warnings;
    int64_t warn[POLICY_WARNINGS_MAX]; /* seconds before an expiry; the longest first */
    size_t exempt;
    char exempt_import[POLICY_EXEMPT_MAX][POLICY_USER_MAX]; /* users, by name or number */
    uid_t exempt_uid[POLICY_EXEMPT_MAX]; /* the same, once policies_resolve() was called */
};

/* True for "policy" and "policy NAME". */
bool policy_is_section(const char *section);

/* Note that a section begins.  False: *problem. */
bool policies_begin(struct policies *p, const char *section, int line, struct problem *problem);

/* Set a key of a section, which is added if it is new.  `line` is -1 for --set.  False: *problem. */
bool policies_set(struct policies *p, const char *section, const char *name, struct slice value,
                  int line, struct problem *problem);

/* Set a key of one policy, whose section is called `section` in messages.  False: *problem. */
bool policy_set(struct policy *policy, const char *section, const char *name, struct slice value,
                int line, struct problem *problem);

/* Return the name of a key. */
const char *policy_key_name(enum policy_key key);

/* Add the words of what is required, joined by commas. */
void policy_put_require(struct text *t, unsigned require);

/* Return what is wrong between the keys of a policy, and at which; NULL: nothing. */
const char *policy_fault(const struct policy *policy, enum policy_key *at);

/* Return the first policy whose pattern matches, or [policy]; that, if there is no subject. */
const struct policy *policies_find(const struct policies *p, struct slice subject);

/* Return the seconds for which a token without an end lasts by [self]: the most, without a default.
 * 0: for ever. */
int64_t policy_self_ttl(const struct policy *self);

/* True if a pattern matches all of a text. */
bool policy_matches(struct slice pattern, struct slice text);

/* Return the first scope of a set that no pattern of the policy matches; .at == NULL: there is none. */
struct slice policy_refused_scope(const struct policy *policy, struct slice scopes);

/* True if this user may import what the policy would refuse. */
bool policies_exempt_import(const struct policies *p, uid_t uid);

#endif
