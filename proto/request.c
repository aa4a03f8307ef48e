/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/request.h"

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
    [KEY_GROUP] = "group",
    [KEY_ORIGIN] = "origin",
    [KEY_PLACE] = "place",
    [KEY_SNAPSHOT] = "snapshot",
    [KEY_MORE] = "more",
    [KEY_ENABLES] = "enables",
    [KEY_KEEP] = "keep",
    [KEY_REQUEST] = "request",
    [KEY_SEEN] = "seen",
    [KEY_HOSTS] = "hosts",
    [KEY_CODE] = "code",
    [KEY_MESSAGE] = "message",
    [KEY_CONFIRM] = "confirm",
    [KEY_WAIT] = "wait",
};

/* Pairs of keys that exclude each other. */
/* Claims of tokens of this host alone. */
#define LOCAL_KEYS                                                                                \
    (KEY_BIT(KEY_DIGEST_ALG) | KEY_BIT(KEY_BY) | KEY_BIT(KEY_OWNER) | KEY_BIT(KEY_USED) |         \
     KEY_BIT(KEY_REVOKED) | KEY_BIT(KEY_DISABLED) | KEY_BIT(KEY_OWN_END) | KEY_BIT(KEY_ROTATED) | \
     KEY_BIT(KEY_ROTATED_END) | KEY_BIT(KEY_SIGNED) | KEY_BIT(KEY_REVOKED_BY) |                   \
     KEY_BIT(KEY_DISABLED_BY) | KEY_BIT(KEY_REPLACED_BY))

static const enum key exclusive[][2] = {
    { KEY_TTL, KEY_EXPIRES },
    { KEY_DELAY, KEY_ACTIVATES },
};

const char *key_name(enum key key)
{
    return keys[key];
}

/* Return the key of a verb that has this name; KEY_COUNT: it has none. */
static enum key key_named(const struct verb_row *verb, struct slice name)
{
    for (uint64_t left = verb->keys; left != 0; left &= left - 1) {
        enum key key = (enum key)__builtin_ctzll(left);
        if (keys[key][0] == name.at[0] && slice_is(name, keys[key]))
            return key;
    }
    return KEY_COUNT;
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
    static const char most[] = "verify "; /* of all requests */
    struct request_line line = { .bytes = bytes, .len = len };
    struct slice rest = { bytes, len };

    if (slice_begins(rest, most)) {
        skip(&rest, sizeof(most) - 1);
        line.verb = VERB_VERIFY;
        line.arguments = len - rest.len;
        return line;
    }
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
    enum key key = a->key.len > 0 ? key_named(verb, a->key) : verb->word;

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
    uint64_t named = request->has & verb_row(request->verb)->one_of;
    enum key key = 0;

    while (key < KEY_COUNT - 1 &&
           (!request_has(request, key) ||
            request_grants_keys(ROLE_SELF, request->verb, named | KEY_BIT(key))))
        key++;
    return problem_set(problem, STATUS_FORBIDDEN,
                       "this socket does not grant this form: %s with %s",
                       verb_row(request->verb)->name, keys[key]);
}

/* Check the keys of a token that is to be one of the fleet, or is not. */
static enum status check_group(const struct request *r, struct problem *problem)
{
    uint64_t local = r->has & LOCAL_KEYS;
    enum key key = 0;

    if (r->verb != VERB_CREATE && r->verb != VERB_IMPORT)
        return STATUS_OK;
    if (!request_has(r, KEY_GROUP)) {
        if (!request_has(r, KEY_CONFIRM) && !request_has(r, KEY_WAIT))
            return STATUS_OK;
        return problem_set(problem, STATUS_SYNTAX, "confirm= and wait= go with group=");
    }
    if (r->value[KEY_GROUP].len == 0)
        return problem_set(problem, STATUS_BAD_VALUE,
                           "group=: a name; without the key the token is of this host alone");
    if (local == 0)
        return STATUS_OK;
    while (!(local & KEY_BIT(key)))
        key++;
    return problem_set(problem, STATUS_SYNTAX, "group= and %s= exclude each other", keys[key]);
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
    if ((request->has & (request->has - 1)) == 0)
        return check_group(request, problem); /* there is one key at most */
    for (size_t i = 0; i < sizeof(exclusive) / sizeof(exclusive[0]); i++)
        if (request_has(request, exclusive[i][0]) && request_has(request, exclusive[i][1]))
            return problem_set(problem, STATUS_SYNTAX, "%s= and %s= exclude each other",
                               keys[exclusive[i][0]], keys[exclusive[i][1]]);
    return check_group(request, problem);
}

static enum status check_verb(enum verb verb, enum role role, struct problem *problem)
{
    if (verb == VERB_COUNT)
        return problem_set(problem, STATUS_UNKNOWN_VERB, "%s",
                           status_row(STATUS_UNKNOWN_VERB)->meaning);
    if (!request_grants(role, verb))
        return problem_set(problem, STATUS_FORBIDDEN, "%s needs the %s socket; this one grants %s",
                           verb_row(verb)->name, role_name(verb_row(verb)->role), role_name(role));
    return STATUS_OK;
}

/* Take the only argument if it is a plain word, as the value to be verified mostly is, without splitting the
 * line.  False: it is another one, or there are several. */
static bool take_only_word(const struct verb_row *verb, struct slice rest, struct request *request)
{
    if (verb->word == KEY_COUNT || rest.len == 0 || memchr(rest.at, ' ', rest.len) != NULL ||
        memchr(rest.at, '=', rest.len) != NULL)
        return false;
    request->has = KEY_BIT(verb->word);
    request->value[verb->word] = rest;
    return true;
}

static enum status take_arguments(const struct verb_row *verb, const struct request_line *line,
                                  size_t plain, struct request *request, struct problem *problem)
{
    enum status status = STATUS_OK;
    struct line arguments;
    const char *why;

    if (line_split(line->bytes + line->arguments, line->len - line->arguments,
                   plain > line->arguments ? plain - line->arguments : 0, &arguments,
                   &why) != STATUS_OK)
        return problem_set(problem, STATUS_SYNTAX, "%s", why);
    for (size_t i = 0; i < arguments.count && status == STATUS_OK; i++)
        status = take_argument(verb, &arguments.argument[i], i + 1 == arguments.count, request,
                               problem);
    return status;
}

enum status request_parse(const struct request_line *line, enum role role, struct request *request,
                          struct problem *problem)
{
    const char *why;
    size_t plain;

    request->verb = line->verb;
    request->has = 0;
    if (line_check((struct slice){ line->bytes, line->len }, &plain, &why) != STATUS_OK)
        return problem_set(problem, STATUS_SYNTAX, "%s", why);
    enum status status = check_verb(line->verb, role, problem);
    if (status != STATUS_OK)
        return status;
    const struct verb_row *verb = verb_row(line->verb);
    struct slice rest = { line->bytes + line->arguments, line->len - line->arguments };
    if (plain != line->len || !take_only_word(verb, rest, request))
        status = take_arguments(verb, line, plain, request, problem);
    return status == STATUS_OK ? check_combination(verb, request, role, problem) : status;
}
