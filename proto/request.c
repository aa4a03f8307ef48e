/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/request.h"

#define K(name) KEY_BIT(KEY_##name)
#define CLAIM_KEYS \
    (K(DESCRIPTION) | K(SUBJECT) | K(SCOPES) | K(TTL) | K(EXPIRES) | K(DELAY) | K(ACTIVATES))
#define FILTER_KEYS                                                                               \
    (K(STATE) | K(SUBJECT) | K(SCOPE) | K(MATCH) | K(BY) | K(CREATED_AFTER) | K(CREATED_BEFORE) | \
     K(EXPIRES_BEFORE) | K(EXPIRES_WITHIN) | K(UNUSED_FOR) | K(NEVER_USED) | K(POLICY))

/* clang-format off */
static const struct verb_row verbs[VERB_COUNT] = {
    [VERB_VERIFY] = { "verify", ROLE_VERIFY, KEY_TOKEN,
        K(TOKEN) | K(SCOPE) | K(SUBJECT) | K(SERVICE) | K(CLIENT), K(TOKEN),
        "verify [scope=a,b] [subject=NAME] [service=NAME] [client=TEXT] token=\"VALUE\"", "judge a token" },
    [VERB_ID] = { "id", ROLE_VERIFY, KEY_TOKEN, K(TOKEN), K(TOKEN),
        "id token=\"VALUE\"", "the identifier of a value, whether or not it is known here" },
    [VERB_TABLE] = { "table", ROLE_VERIFY, KEY_COUNT, K(SERVICE), 0,
        "table [service=NAME]", "receive the token table's descriptor (SCM_RIGHTS)" },
    [VERB_REVOKE] = { "revoke", ROLE_VERIFY, KEY_ID,
        K(ID) | K(TOKEN) | FILTER_KEYS | K(HOW_MANY), K(ID) | K(TOKEN),
        "revoke ID | revoke token=\"VALUE\" | revoke FILTER... [count=N]",
        "refuse a token from now on, for good" },
    [VERB_USED] = { "used", ROLE_VERIFY, KEY_ID, K(ID), K(ID),
        "used ID", "note that a token was accepted from the table" },
    [VERB_REFUSED] = { "refused", ROLE_VERIFY, KEY_ID, K(ID), K(ID),
        "refused ID", "note that a token was refused by the table" },
    [VERB_HELLO] = { "hello", ROLE_VERIFY, KEY_COUNT, 0, 0,
        "hello", "protocol, version, role and limits" },
    [VERB_HELP] = { "help", ROLE_VERIFY, KEY_VERB, K(VERB), 0,
        "help [VERB]", "the verbs this socket grants" },
    [VERB_PING] = { "ping", ROLE_VERIFY, KEY_COUNT, 0, 0, "ping", "answer OK" },
    [VERB_QUIT] = { "quit", ROLE_VERIFY, KEY_COUNT, 0, 0, "quit", "answer OK and close" },
    [VERB_LIST] = { "list", ROLE_OBSERVE, KEY_COUNT,
        FILTER_KEYS | K(SORT) | K(ORDER) | K(FIELDS) | K(LIMIT) | K(AFTER), 0,
        "list [state=STATE] [subject=NAME] [scope=a,b] [match=TEXT] [by=uid:N] "
        "[created_after=TIME] [created_before=TIME] [expires_before=TIME] "
        "[expires_within=DURATION] [unused_for=DURATION] [never_used=yes|no] "
        "[policy=violated] [sort=created|expires|used|subject] [order=asc|desc] "
        "[fields=a,b] [limit=N] [after=POSITION]",
        "tokens, oldest first" },
    [VERB_SHOW] = { "show", ROLE_OBSERVE, KEY_ID, K(ID) | K(FIELDS), K(ID),
        "show ID [fields=a,b]", "one token" },
    [VERB_JOURNAL] = { "journal", ROLE_OBSERVE, KEY_COUNT,
        K(AFTER) | K(LIMIT) | K(ID) | K(SUBJECT) | K(EVENT) | K(BY) | K(SINCE) | K(UNTIL) | K(ORDER), 0,
        "journal [id=ID] [subject=NAME] [event=EVENT,…] [by=uid:N|NAME] [since=TIME|DURATION] "
        "[until=TIME|DURATION] [order=asc|desc] [after=[EPOCH:]SERIAL] [limit=N]",
        "what changed, oldest first" },
    [VERB_WATCH] = { "watch", ROLE_OBSERVE, KEY_COUNT, K(AFTER), 0,
        "watch [after=[EPOCH:]SERIAL]", "what changes, as it happens, until the next request" },
    [VERB_STATS] = { "stats", ROLE_OBSERVE, KEY_COUNT, 0, 0, "stats", "counters and gauges" },
    [VERB_POLICY] = { "policy", ROLE_OBSERVE, KEY_COUNT, 0, 0, "policy",
        "the rules for new tokens that are in force" },
    [VERB_CREATE] = { "create", ROLE_ADMIN, KEY_COUNT, CLAIM_KEYS, 0,
        "create [description=TEXT] [subject=NAME] [scopes=a,b] [ttl=DURATION|expires=TIME|never] "
        "[delay=DURATION|activates=TIME]", "make a token; its value is shown this once" },
    [VERB_UPDATE] = { "update", ROLE_ADMIN, KEY_ID,
        K(ID) | K(DESCRIPTION) | K(SUBJECT) | K(SCOPES) | K(TTL) | K(EXPIRES) | FILTER_KEYS |
            K(HOW_MANY),
        K(ID),
        "update ID [description=TEXT] [subject=NAME] [scopes=a,b] [ttl=DURATION|expires=TIME|never] | "
        "update FILTER... [description=TEXT] [scopes=a,b] [ttl=DURATION|expires=TIME|never] [count=N]",
        "change a token's claims" },
    [VERB_DISABLE] = { "disable", ROLE_ADMIN, KEY_ID,
        K(ID) | FILTER_KEYS | K(HOW_MANY), K(ID),
        "disable ID | disable FILTER... [count=N]", "refuse a token until it is enabled again" },
    [VERB_ENABLE] = { "enable", ROLE_ADMIN, KEY_ID,
        K(ID) | FILTER_KEYS | K(HOW_MANY), K(ID),
        "enable ID | enable FILTER... [count=N]", "end a disable" },
    [VERB_ROTATE] = { "rotate", ROLE_ADMIN, KEY_ID, K(ID) | K(GRACE) | K(TTL) | K(EXPIRES), K(ID),
        "rotate ID [grace=DURATION] [ttl=DURATION|expires=TIME|never]",
        "a new value with the same claims; the old one is refused after the grace" },
    [VERB_DELETE] = { "delete", ROLE_ADMIN, KEY_ID,
        K(ID) | FILTER_KEYS | K(HOW_MANY), K(ID),
        "delete ID | delete FILTER... [count=N]", "remove a token from the store, and ban it" },
    [VERB_BAN] = { "ban", ROLE_ADMIN, KEY_COUNT,
        K(TOKEN) | K(DIGEST) | K(DIGEST_ALG) | K(ISSUER) | K(ID) | K(TTL) | K(EXPIRES) | K(CREATED),
        K(TOKEN) | K(DIGEST) | K(ISSUER),
        "ban token=\"VALUE\"|digest=HEX [digest_alg=sha256]|issuer=NAME id=ID [ttl=DURATION|expires=TIME] [created=TIME]",
        "refuse a credential that was never imported, whoever else would pass it" },
    [VERB_IMPORT] = { "import", ROLE_ADMIN, KEY_COUNT,
        CLAIM_KEYS | K(DIGEST) | K(TOKEN) | K(CREATED) | K(STATE) | K(REVOKED) | K(DISABLED) |
        K(REPLACES) | K(OWN_END) | K(ROTATED) | K(SIGNED) | K(REVOKED_BY) | K(DISABLED_BY) |
        K(REPLACED_BY) | K(ROTATED_END) | K(BY) | K(OWNER) | K(USED) | K(DIGEST_ALG),
        K(DIGEST) | K(TOKEN),
        "import digest=HEX [digest_alg=sha256]|token=\"VALUE\" [created=TIME] [by=uid:N] [owner=uid:N] [used=TIME] "
        "[state=active|revoked|disabled] "
        "[revoked=TIME] [disabled=TIME] [replaces=ID] [own_end=TIME|never] [rotated=TIME] "
        "[signed=HEX] [revoked_by=uid:N] [disabled_by=uid:N] [replaced_by=ID] "
        "[rotated_end=TIME|never] [create's keys]",
        "take over a token issued elsewhere" },
    [VERB_EXPORT] = { "export", ROLE_ADMIN, KEY_COUNT, FILTER_KEYS, 0,
        "export [FILTER...]", "every token as an import line, every ban as a ban line" },
    [VERB_CHECKPOINT] = { "checkpoint", ROLE_ADMIN, KEY_COUNT, 0, 0, "checkpoint",
        "bring what is logged into the store's file" },
    [VERB_TRACE] = { "trace", ROLE_ADMIN, KEY_TOKEN, K(TOKEN), K(TOKEN),
        "trace token=\"VALUE\"", "all about the token behind a value, without using it" },
};
/* clang-format on */

static const char *const keys[KEY_COUNT] = {
    [KEY_TOKEN] = "token",
    [KEY_ID] = "id",
    [KEY_DIGEST] = "digest",
    [KEY_SCOPE] = "scope",
    [KEY_SCOPES] = "scopes",
    [KEY_SUBJECT] = "subject",
    [KEY_SERVICE] = "service",
    [KEY_DESCRIPTION] = "description",
    [KEY_TTL] = "ttl",
    [KEY_EXPIRES] = "expires",
    [KEY_DELAY] = "delay",
    [KEY_ACTIVATES] = "activates",
    [KEY_GRACE] = "grace",
    [KEY_STATE] = "state",
    [KEY_MATCH] = "match",
    [KEY_LIMIT] = "limit",
    [KEY_AFTER] = "after",
    [KEY_CREATED] = "created",
    [KEY_REVOKED] = "revoked",
    [KEY_DISABLED] = "disabled",
    [KEY_REPLACES] = "replaces",
    [KEY_OWN_END] = "own_end",
    [KEY_ROTATED] = "rotated",
    [KEY_SIGNED] = "signed",
    [KEY_ISSUER] = "issuer",
    [KEY_VERB] = "verb",
    [KEY_CLIENT] = "client",
    [KEY_EVENT] = "event",
    [KEY_SINCE] = "since",
    [KEY_UNTIL] = "until",
    [KEY_REVOKED_BY] = "revoked_by",
    [KEY_DISABLED_BY] = "disabled_by",
    [KEY_REPLACED_BY] = "replaced_by",
    [KEY_ROTATED_END] = "rotated_end",
    [KEY_POLICY] = "policy",
    [KEY_EXPIRES_BEFORE] = "expires_before",
    [KEY_BY] = "by",
    [KEY_EXPIRES_WITHIN] = "expires_within",
    [KEY_SORT] = "sort",
    [KEY_UNUSED_FOR] = "unused_for",
    [KEY_ORDER] = "order",
    [KEY_NEVER_USED] = "never_used",
    [KEY_FIELDS] = "fields",
    [KEY_CREATED_AFTER] = "created_after",
    [KEY_HOW_MANY] = "count",
    [KEY_CREATED_BEFORE] = "created_before",
    [KEY_USED] = "used",
    [KEY_DIGEST_ALG] = "digest_alg",
    [KEY_OWNER] = "owner",
};

/* Keys that only an admin socket grants, of verbs that other sockets grant, too. */
static const uint64_t admin_keys[VERB_COUNT] = { [VERB_REVOKE] = K(ID) | FILTER_KEYS |
                                                                 K(HOW_MANY) };

/* Keys that select tokens; for a change they stand in the place of an identifier. */
static const uint64_t filter_keys[VERB_COUNT] = {
    [VERB_EXPORT] = FILTER_KEYS, [VERB_LIST] = FILTER_KEYS,    [VERB_REVOKE] = FILTER_KEYS,
    [VERB_UPDATE] = FILTER_KEYS, [VERB_DISABLE] = FILTER_KEYS, [VERB_ENABLE] = FILTER_KEYS,
    [VERB_DELETE] = FILTER_KEYS,
};

/* What ROLE_SELF grants, each key by itself: what is not named here does not exist for it. */
static const struct {
    bool granted;
    uint64_t keys;
} of_self[VERB_COUNT] = {
    [VERB_CREATE] = { true, CLAIM_KEYS },
    [VERB_LIST] = { true, K(STATE) | K(SUBJECT) | K(SCOPE) | K(MATCH) | K(CREATED_AFTER) |
                              K(CREATED_BEFORE) | K(EXPIRES_BEFORE) | K(EXPIRES_WITHIN) |
                              K(UNUSED_FOR) | K(NEVER_USED) | K(SORT) | K(ORDER) | K(FIELDS) |
                              K(LIMIT) | K(AFTER) },
    [VERB_SHOW] = { true, K(ID) | K(FIELDS) },
    [VERB_POLICY] = { true, 0 },
    [VERB_UPDATE] = { true, K(ID) | K(DESCRIPTION) | K(SUBJECT) | K(SCOPES) | K(TTL) | K(EXPIRES) },
    [VERB_ROTATE] = { true, K(ID) | K(GRACE) | K(TTL) | K(EXPIRES) },
    [VERB_REVOKE] = { true, K(ID) | K(TOKEN) },
    [VERB_HELLO] = { true, 0 },
    [VERB_HELP] = { true, K(VERB) },
    [VERB_PING] = { true, 0 },
    [VERB_QUIT] = { true, 0 },
};

/* Pairs of keys that exclude each other. */
static const enum key exclusive[][2] = {
    { KEY_TTL, KEY_EXPIRES },
    { KEY_DELAY, KEY_ACTIVATES },
};

const struct verb_row *verb_row(enum verb verb)
{
    return &verbs[verb];
}

enum role request_role(enum verb verb, uint64_t given)
{
    return (given & admin_keys[verb]) != 0 ? ROLE_ADMIN : verbs[verb].role;
}

uint64_t request_filters(enum verb verb)
{
    return filter_keys[verb];
}

uint64_t request_many_keys(enum verb verb)
{
    uint64_t many = filter_keys[verb] != 0 ? filter_keys[verb] | K(HOW_MANY) : 0;

    return verb == VERB_UPDATE ? many & ~K(SUBJECT) : many; /* it is a claim of one token, too */
}

bool request_is_about_many(enum verb verb, uint64_t given)
{
    return verbs[verb].one_of != 0 && (given & verbs[verb].one_of) == 0 &&
           (given & filter_keys[verb]) != 0;
}

bool request_grants(enum role role, enum verb verb)
{
    return role == ROLE_SELF ? of_self[verb].granted : verbs[verb].role <= role;
}

bool request_grants_keys(enum role role, enum verb verb, uint64_t given)
{
    if (role == ROLE_SELF)
        return of_self[verb].granted && (given & ~of_self[verb].keys) == 0 &&
               !request_is_about_many(verb, given);
    return request_role(verb, given) <= role;
}

const char *key_name(enum key key)
{
    return keys[key];
}

const char *role_name(enum role role)
{
    static const char *const names[] = { "verify", "observe", "admin", "self" };

    return names[role];
}

enum verb verb_named(struct slice name)
{
    enum verb v = VERB_VERIFY;

    while (v < VERB_COUNT && !slice_is(name, verbs[v].name))
        v++;
    return v;
}

static enum key key_named(struct slice name)
{
    enum key k = 0;

    while (k < KEY_COUNT && !slice_is(name, keys[k]))
        k++;
    return k;
}

static struct slice first_word(struct slice line)
{
    struct slice word = { line.at, 0 };

    while (word.len < line.len && word.at[word.len] != ' ')
        word.len++;
    return word;
}

static void skip(struct slice *line, size_t len)
{
    line->at += len;
    line->len -= len;
    while (line->len > 0 && line->at[0] == ' ') {
        line->at++;
        line->len--;
    }
}

static bool asks_nothing(struct slice line)
{
    return line.len == 0 || line.at[0] == '#' || slice_is(first_word(line), "OK");
}

struct request_line request_look(char *bytes, size_t len)
{
    struct request_line line = { .bytes = bytes, .len = len };
    struct slice rest = { bytes, len };

    skip(&rest, 0);
    struct slice word = first_word(rest);
    line.verb = verb_named(word);
    if (line.verb == VERB_COUNT)
        line.ignorable = asks_nothing(rest);
    if (slice_is(word, "*")) {
        skip(&rest, 1);
        word = first_word(rest);
        line.verb = verb_named(word);
    }
    skip(&rest, word.len);
    line.arguments = len - rest.len;
    return line;
}

/* Take an argument; `last`: it is the last of its line. */
static enum status take_argument(const struct verb_row *verb, const struct argument *a, bool last,
                                 struct request *request, struct problem *problem)
{
    enum key key = a->key.len > 0 ? key_named(a->key) : verb->word;

    if (a->key.len == 0 && (key == KEY_COUNT || request_has(request, key)))
        return problem_set(problem, STATUS_SYNTAX, "%s does not take this word; usage: %s",
                           verb->name, verb->usage);
    if (a->key.len == 0 && key == KEY_TOKEN && !last) /* what follows may be a part of the value */
        return problem_set(problem, STATUS_SYNTAX,
                           "a value that is a word is the last one of its line; send it as "
                           "token=\"...\"");
    if (key == KEY_COUNT || !(verb->keys & KEY_BIT(key)))
        return problem_set(problem, STATUS_UNKNOWN_KEY, "%s does not take %.*s=; usage: %s",
                           verb->name, (int)a->key.len, a->key.at, verb->usage);
    if (request_has(request, key))
        return problem_set(problem, STATUS_DUPLICATE_KEY, "%s= is given twice", keys[key]);
    request->has |= KEY_BIT(key);
    request->value[key] = a->value;
    return STATUS_OK;
}

/* Name the key that users have not; the verb's usage would be no help, as it has such keys. */
static enum status refuse_of_self(const struct request *request, struct problem *problem)
{
    uint64_t named = request->has & verbs[request->verb].one_of;
    enum key key = 0;

    while (key < KEY_COUNT - 1 &&
           (!request_has(request, key) ||
            request_grants_keys(ROLE_SELF, request->verb, named | KEY_BIT(key))))
        key++;
    return problem_set(problem, STATUS_FORBIDDEN,
                       "this socket does not grant this form: %s with %s",
                       verbs[request->verb].name, keys[key]);
}

static enum status check_combination(const struct verb_row *verb, const struct request *request,
                                     enum role role, struct problem *problem)
{
    uint64_t given = request->has & verb->one_of;

    if (!request_grants_keys(role, request->verb, request->has))
        return role == ROLE_SELF ?
                   refuse_of_self(request, problem) :
                   problem_set(problem, STATUS_FORBIDDEN,
                               "this form needs the admin socket; usage: %s", verb->usage);
    if (verb->one_of != 0 && given == 0 && !request_is_about_many(request->verb, request->has))
        return problem_set(problem, STATUS_MISSING, "usage: %s", verb->usage);
    if ((given & (given - 1)) != 0)
        return problem_set(problem, STATUS_SYNTAX, "one or the other; usage: %s", verb->usage);
    if (given != 0 && (request->has & request_many_keys(request->verb)) != 0)
        return problem_set(problem, STATUS_SYNTAX, "one token or a filter; usage: %s", verb->usage);
    for (size_t i = 0; i < sizeof(exclusive) / sizeof(exclusive[0]); i++)
        if (request_has(request, exclusive[i][0]) && request_has(request, exclusive[i][1]))
            return problem_set(problem, STATUS_SYNTAX, "%s= and %s= exclude each other",
                               keys[exclusive[i][0]], keys[exclusive[i][1]]);
    return STATUS_OK;
}

static enum status check_verb(enum verb verb, enum role role, struct problem *problem)
{
    if (verb == VERB_COUNT)
        return problem_set(problem, STATUS_UNKNOWN_VERB, "%s",
                           status_row(STATUS_UNKNOWN_VERB)->meaning);
    if (!request_grants(role, verb))
        return problem_set(problem, STATUS_FORBIDDEN, "%s needs the %s socket; this one grants %s",
                           verbs[verb].name, role_name(verbs[verb].role), role_name(role));
    return STATUS_OK;
}

enum status request_parse(const struct request_line *line, enum role role, struct request *request,
                          struct problem *problem)
{
    struct line arguments;
    const char *why;
    size_t plain;

    request->verb = line->verb;
    request->has = 0;
    if (line_check((struct slice){ line->bytes, line->len }, &plain, &why) != STATUS_OK)
        return problem_set(problem, STATUS_SYNTAX, "%s", why);
    enum status status = check_verb(line->verb, role, problem);
    if (status != STATUS_OK)
        return status;
    if (line_split(line->bytes + line->arguments, line->len - line->arguments,
                   plain > line->arguments ? plain - line->arguments : 0, &arguments,
                   &why) != STATUS_OK)
        return problem_set(problem, STATUS_SYNTAX, "%s", why);
    const struct verb_row *verb = &verbs[line->verb];
    for (size_t i = 0; i < arguments.count && status == STATUS_OK; i++)
        status = take_argument(verb, &arguments.argument[i], i + 1 == arguments.count, request,
                               problem);
    return status == STATUS_OK ? check_combination(verb, request, role, problem) : status;
}
