/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs, the keys that each has, and who may use them. */
#include "proto/request.h"

#define K(name) KEY_BIT(KEY_##name)
#define CLAIM_KEYS \
    (K(DESCRIPTION) | K(SUBJECT) | K(SCOPES) | K(TTL) | K(EXPIRES) | K(DELAY) | K(ACTIVATES))
#define FILTER_KEYS                                                                 \
    (K(GROUP) | K(ORIGIN) | K(STATE) | K(SUBJECT) | K(SCOPE) | K(MATCH) | K(BY) |   \
     K(CREATED_AFTER) | K(CREATED_BEFORE) | K(EXPIRES_BEFORE) | K(EXPIRES_WITHIN) | \
     K(UNUSED_FOR) | K(NEVER_USED) | K(POLICY))
/* Of a change that may be one of the fleet. */
#define FLEET_KEYS (K(CONFIRM) | K(WAIT))
#define FLEET_USAGE "[confirm=all] [wait=DURATION]"

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
        K(ID) | K(TOKEN) | FILTER_KEYS | K(HOW_MANY) | FLEET_KEYS, K(ID) | K(TOKEN),
        "revoke ID | revoke token=\"VALUE\" | revoke FILTER... [count=N]; " FLEET_USAGE,
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
    [VERB_CREATE] = { "create", ROLE_ADMIN, KEY_COUNT, CLAIM_KEYS | K(GROUP) | FLEET_KEYS, 0,
        "create [group=NAME " FLEET_USAGE "] [description=TEXT] [subject=NAME] [scopes=a,b] [ttl=DURATION|expires=TIME|never] "
        "[delay=DURATION|activates=TIME]", "make a token; its value is shown this once" },
    [VERB_UPDATE] = { "update", ROLE_ADMIN, KEY_ID,
        K(ID) | K(DESCRIPTION) | K(SUBJECT) | K(SCOPES) | K(TTL) | K(EXPIRES) | FILTER_KEYS |
            K(HOW_MANY) | FLEET_KEYS,
        K(ID),
        "update ID [description=TEXT] [subject=NAME] [scopes=a,b] [ttl=DURATION|expires=TIME|never] | "
        "update FILTER... [description=TEXT] [scopes=a,b] [ttl=DURATION|expires=TIME|never] [count=N]; " FLEET_USAGE,
        "change a token's claims" },
    [VERB_DISABLE] = { "disable", ROLE_ADMIN, KEY_ID,
        K(ID) | FILTER_KEYS | K(HOW_MANY) | FLEET_KEYS, K(ID),
        "disable ID | disable FILTER... [count=N]; " FLEET_USAGE, "refuse a token until it is enabled again" },
    [VERB_ENABLE] = { "enable", ROLE_ADMIN, KEY_ID,
        K(ID) | FILTER_KEYS | K(HOW_MANY) | FLEET_KEYS, K(ID),
        "enable ID | enable FILTER... [count=N]; " FLEET_USAGE, "end a disable" },
    [VERB_ROTATE] = { "rotate", ROLE_ADMIN, KEY_ID,
        K(ID) | K(GRACE) | K(TTL) | K(EXPIRES) | FLEET_KEYS, K(ID),
        "rotate ID [grace=DURATION] [ttl=DURATION|expires=TIME|never] " FLEET_USAGE,
        "a new value with the same claims; the old one is refused after the grace" },
    [VERB_DELETE] = { "delete", ROLE_ADMIN, KEY_ID,
        K(ID) | FILTER_KEYS | K(HOW_MANY) | FLEET_KEYS, K(ID),
        "delete ID | delete FILTER... [count=N]; " FLEET_USAGE, "remove a token from the store, and ban it" },
    [VERB_BAN] = { "ban", ROLE_ADMIN, KEY_COUNT,
        K(TOKEN) | K(DIGEST) | K(DIGEST_ALG) | K(ISSUER) | K(ID) | K(TTL) | K(EXPIRES) | K(CREATED),
        K(TOKEN) | K(DIGEST) | K(ISSUER),
        "ban token=\"VALUE\"|digest=HEX [digest_alg=sha256]|issuer=NAME id=ID [ttl=DURATION|expires=TIME] [created=TIME]",
        "refuse a credential that was never imported, whoever else would pass it" },
    [VERB_IMPORT] = { "import", ROLE_ADMIN, KEY_COUNT,
        CLAIM_KEYS | K(DIGEST) | K(TOKEN) | K(CREATED) | K(STATE) | K(REVOKED) | K(DISABLED) |
        K(REPLACES) | K(OWN_END) | K(ROTATED) | K(SIGNED) | K(REVOKED_BY) | K(DISABLED_BY) |
        K(REPLACED_BY) | K(ROTATED_END) | K(BY) | K(OWNER) | K(USED) | K(DIGEST_ALG) |
        K(GROUP) | FLEET_KEYS,
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
    [VERB_BACKUP] = { "backup", ROLE_ADMIN, KEY_COUNT, 0, 0, "backup",
        "receive the descriptor of a copy of the store (SCM_RIGHTS)" },
    [VERB_TRACE] = { "trace", ROLE_ADMIN, KEY_TOKEN, K(TOKEN), K(TOKEN),
        "trace token=\"VALUE\"", "all about the token behind a value, without using it" },
    /* What each word of this one takes, cmd_fleet checks. */
    [VERB_FLEET] = { "fleet", ROLE_FLEET, KEY_VERB,
        K(VERB) | K(PLACE) | K(AFTER) | K(LIMIT) | K(UNTIL) | K(KEEP) | K(SNAPSHOT) | K(MORE) |
            K(REQUEST) | K(SEEN) | K(HOSTS) | K(CODE) | K(MESSAGE) | K(WAIT) | K(CONFIRM) | K(HOW_MANY),
        K(VERB),
        "fleet place | fleet places [after=SERIAL] [limit=N] | fleet rewind place=PLACE | "
        "fleet lease [until=NS] [keep=NS] | fleet begin place=PLACE [snapshot=yes] [confirm=end] [count=N] | "
        "fleet end place=PLACE [more=yes] | fleet abort | fleet take [wait=DURATION] | "
        "fleet done request=N place=PLACE [seen=N hosts=N] | fleet failed request=N code=WORD message=TEXT | "
        "fleet touched [after=POSITION] [limit=N]",
        "what the fleet's agent brings and takes" },
    [VERB_PUT] = { "put", ROLE_FLEET, KEY_COUNT,
        K(DIGEST) | K(GROUP) | K(CREATED) | K(STATE) | K(ACTIVATES) | K(EXPIRES) | K(REVOKED) | K(DISABLED) |
            K(SUBJECT) | K(SCOPES) | K(DESCRIPTION) | K(REPLACES) | K(ORIGIN) | K(BY) | K(ENABLES),
        K(DIGEST),
        "put digest=HEX group=NAME created=TIME [state=active|disabled|revoked] [activates=TIME] "
        "[expires=TIME|never] [revoked=TIME] [disabled=TIME] [subject=NAME] [scopes=a,b] [description=TEXT] "
        "[replaces=ID] [origin=HOST] [by=uid:N] [enables=yes]",
        "within a batch: honour a token of the fleet" },
    [VERB_DENY] = { "deny", ROLE_FLEET, KEY_COUNT,
        K(DIGEST) | K(GROUP) | K(STATE) | K(REVOKED) | K(DISABLED) | K(ORIGIN) | K(BY), K(DIGEST),
        "deny digest=HEX group=NAME state=revoked|disabled [revoked=TIME] [disabled=TIME] [origin=HOST] "
        "[by=uid:N]",
        "within a batch: refuse a token of the fleet, also one that is not known yet" },
    [VERB_DROP] = { "drop", ROLE_FLEET, KEY_COUNT, K(DIGEST), K(DIGEST), "drop digest=HEX",
        "within a batch: a token is no longer in the fleet" },
};
/* clang-format on */

/* Keys that only an admin socket grants, of verbs that other sockets grant, too. */
static const uint64_t admin_keys[VERB_COUNT] = { [VERB_REVOKE] = K(ID) | FILTER_KEYS | K(HOW_MANY) |
                                                                 FLEET_KEYS };

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

/* What ROLE_FLEET grants, with all keys of each. */
static const bool of_fleet[VERB_COUNT] = {
    [VERB_FLEET] = true, [VERB_PUT] = true,   [VERB_DENY] = true,
    [VERB_DROP] = true,  [VERB_STATS] = true, [VERB_HELLO] = true,
    [VERB_HELP] = true,  [VERB_PING] = true,  [VERB_QUIT] = true,
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
    if (role == ROLE_SELF)
        return of_self[verb].granted;
    return role == ROLE_FLEET ? of_fleet[verb] : verbs[verb].role <= role;
}

bool request_grants_keys(enum role role, enum verb verb, uint64_t given)
{
    if (role == ROLE_SELF)
        return of_self[verb].granted && (given & ~of_self[verb].keys) == 0 &&
               !request_is_about_many(verb, given);
    return role == ROLE_FLEET ? of_fleet[verb] : request_role(verb, given) <= role;
}

const char *role_name(enum role role)
{
    static const char *const names[] = { "verify", "observe", "admin", "self", "fleet" };

    return names[role];
}

enum verb verb_named(struct slice name)
{
    enum verb v = VERB_VERIFY;

    if (name.len == 0)
        return VERB_COUNT;
    while (v < VERB_COUNT && (verbs[v].name[0] != name.at[0] || !slice_is(name, verbs[v].name)))
        v++;
    return v;
}
