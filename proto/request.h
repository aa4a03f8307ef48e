/* SPDX-License-Identifier: Apache-2.0 */
/* Requests.  One table of verbs defines the role that each needs, its keys, and its usage text.  No
 * state; any thread. */
#ifndef JETON_PROTO_REQUEST_H
#define JETON_PROTO_REQUEST_H

#include "proto/line.h"
#include "proto/problem.h"

/* What a listening socket grants; each role includes those before it, but the last two none: ROLE_SELF
 * lets users look after their own tokens, ROLE_FLEET lets the fleet's agent bring what the fleet has. */
enum role { ROLE_VERIFY, ROLE_OBSERVE, ROLE_ADMIN, ROLE_SELF, ROLE_FLEET };

enum verb {
    VERB_VERIFY,
    VERB_ID,
    VERB_TABLE,
    VERB_USED,
    VERB_REFUSED,
    VERB_REVOKE,
    VERB_HELLO,
    VERB_HELP,
    VERB_PING,
    VERB_QUIT,
    VERB_LIST,
    VERB_SHOW,
    VERB_JOURNAL,
    VERB_WATCH,
    VERB_STATS,
    VERB_POLICY,
    VERB_CHECKPOINT,
    VERB_BACKUP,
    VERB_CREATE,
    VERB_UPDATE,
    VERB_DISABLE,
    VERB_ENABLE,
    VERB_ROTATE,
    VERB_DELETE,
    VERB_BAN,
    VERB_IMPORT,
    VERB_EXPORT,
    VERB_TRACE,
    VERB_FLEET,
    VERB_PUT,
    VERB_DENY,
    VERB_DROP,
    VERB_COUNT
};

enum key {
    KEY_TOKEN,
    KEY_ID,
    KEY_DIGEST,
    KEY_SCOPE,
    KEY_SCOPES,
    KEY_SUBJECT,
    KEY_SERVICE,
    KEY_DESCRIPTION,
    KEY_TTL,
    KEY_EXPIRES,
    KEY_DELAY,
    KEY_ACTIVATES,
    KEY_GRACE,
    KEY_STATE,
    KEY_MATCH,
    KEY_LIMIT,
    KEY_AFTER,
    KEY_CREATED,
    KEY_REVOKED,
    KEY_DISABLED,
    KEY_REPLACES,
    KEY_OWN_END,
    KEY_ROTATED,
    KEY_SIGNED,
    KEY_ISSUER,
    KEY_VERB,
    KEY_CLIENT,
    KEY_EVENT,
    KEY_SINCE,
    KEY_UNTIL,
    KEY_REVOKED_BY,
    KEY_DISABLED_BY,
    KEY_REPLACED_BY,
    KEY_ROTATED_END,
    KEY_POLICY,
    KEY_EXPIRES_BEFORE,
    KEY_EXPIRES_WITHIN,
    KEY_UNUSED_FOR,
    KEY_NEVER_USED,
    KEY_BY,
    KEY_CREATED_AFTER,
    KEY_CREATED_BEFORE,
    KEY_SORT,
    KEY_ORDER,
    KEY_FIELDS,
    KEY_HOW_MANY, /* count= */
    KEY_USED,
    KEY_DIGEST_ALG,
    KEY_OWNER,
    KEY_GROUP,
    KEY_ORIGIN,
    KEY_PLACE,
    KEY_SNAPSHOT,
    KEY_MORE,
    KEY_ENABLES,
    KEY_KEEP,
    KEY_REQUEST,
    KEY_SEEN,
    KEY_HOSTS,
    KEY_CODE,
    KEY_MESSAGE,
    KEY_CONFIRM,
    KEY_WAIT,
    KEY_COUNT
};

#define KEY_BIT(key) (UINT64_C(1) << (key))

struct verb_row {
    const char *name;
    enum role role;
    enum key word;   /* the key a positional word stands for; KEY_COUNT: takes none */
    uint64_t keys;   /* KEY_BITs it takes */
    uint64_t one_of; /* exactly one of these, or else a filter, must be given; 0: nothing */
    const char *usage;
    const char *summary;
};

struct request {
    enum verb verb;
    uint64_t has;                  /* KEY_BITs */
    struct slice value[KEY_COUNT]; /* valid where `has` says so */
};

const struct verb_row *verb_row(enum verb verb);

/* Return the least role, other than ROLE_SELF and ROLE_FLEET, that grants the verb with these KEY_BITs. */
enum role request_role(enum verb verb, uint64_t keys);

/* Return the KEY_BITs that select tokens, where the verb is about many. */
uint64_t request_filters(enum verb verb);

/* Return the KEY_BITs that the verb takes only where it is about many. */
uint64_t request_many_keys(enum verb verb);

/* True if these KEY_BITs ask a verb that is otherwise about one token for all that filters select. */
bool request_is_about_many(enum verb verb, uint64_t keys);

/* True if a role grants the verb, in some form; or with these KEY_BITs. */
bool request_grants(enum role role, enum verb verb);
bool request_grants_keys(enum role role, enum verb verb, uint64_t keys);

const char *key_name(enum key key);
const char *role_name(enum role role);

/* Return the verb with this name, or VERB_COUNT. */
enum verb verb_named(struct slice name);

static inline bool request_has(const struct request *r, enum key key)
{
    return (r->has & KEY_BIT(key)) != 0;
}

/* A line before it is parsed: enough to schedule it.  Nothing answers an `ignorable` line: a blank
 * one, a comment, or the OK line of a reply, so that what `export` printed can be sent as it is. */
struct request_line {
    char *bytes;
    size_t len; /* without the line end */
    bool ignorable;
    enum verb verb;   /* VERB_COUNT: unknown */
    size_t arguments; /* the offset of the first */
};

/* Find the verb of a line, without checking or changing its bytes.  Skip a leading "* ", which
 * exported lines have. */
struct request_line request_look(char *bytes, size_t len);

/* Parse the line.  Its bytes are changed (quoted values are decoded in place) and the request
 * points into them.  Check in this order: bytes, verb, role, arguments.  Unless this returns
 * STATUS_OK, fill *problem. */
enum status request_parse(const struct request_line *line, enum role role, struct request *request,
                          struct problem *problem);

#endif
