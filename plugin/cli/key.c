/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/key.h"

/* clang-format off */
static const struct cli_key rows[] = {
    { "activates",      NULL,      CLI_KEY_UNTIL,    "TIME",     "accept the token from then on", NULL },
    { "after",          "journal", CLI_KEY_TEXT,     "SERIAL",   "begin after this entry", NULL },
    { "after",          "watch",   CLI_KEY_TEXT,     "SERIAL",   "begin after this entry", NULL },
    { "after",          NULL,      CLI_KEY_TEXT,     "ID",       "begin after this token", NULL },
    { "by",             "import",  CLI_KEY_TEXT,     "uid:N",    "who created it", NULL },
    { "by",             "journal", CLI_KEY_TEXT,     "USER",     "what this user changed", NULL },
    { "by",             NULL,      CLI_KEY_TEXT,     "USER",     "that this user created", NULL },
    { "client",         NULL,      CLI_KEY_TEXT,     "TEXT",     "for whom you ask", NULL },
    { "confirm",        NULL,      CLI_KEY_TEXT,     "all",      "count the hosts on which a change of the fleet is in force", "all" },
    { "count",          NULL,      CLI_KEY_TEXT,     "N",        "confirm that so many are changed", NULL },
    { "created",        NULL,      CLI_KEY_SINCE,    "TIME",     "when it was issued", NULL },
    { "created_after",  NULL,      CLI_KEY_SINCE,    "TIME",     "created at this time or later", NULL },
    { "created_before", NULL,      CLI_KEY_SINCE,    "TIME",     "created before this time", NULL },
    { "delay",          NULL,      CLI_KEY_DURATION, "DURATION", "accept the token only after this time", NULL },
    { "description",    NULL,      CLI_KEY_TEXT,     "TEXT",     "what the token is for", NULL },
    { "digest",         NULL,      CLI_KEY_TEXT,     "HEX",      "the digest of a value", NULL },
    { "digest_alg",     NULL,      CLI_KEY_TEXT,     "NAME",     "how the digest was made", "sha256" },
    { "disabled",       NULL,      CLI_KEY_SINCE,    "TIME",     "when it was disabled", NULL },
    { "disabled_by",    NULL,      CLI_KEY_TEXT,     "uid:N",    "who disabled it", NULL },
    { "event",          NULL,      CLI_KEY_LIST,     "EVENT",    "changes of this kind", "create import update revoke disable enable rotate delete ban purge expiring trace fleet" },
    { "expires",        NULL,      CLI_KEY_UNTIL,    "TIME",     "refuse the token from then on", "never" },
    { "expires_before", NULL,      CLI_KEY_UNTIL,    "TIME",     "that expire before this time", NULL },
    { "expires_within", NULL,      CLI_KEY_DURATION, "DURATION", "that expire within this time from now", "7d 30d" },
    { "fields",         "show",    CLI_KEY_LIST,     "a,b",      "show only these fields", "id state created expires used subject scopes description activates by owner digest_alg revoked revoked_by disabled disabled_by replaces replaced_by refused last_refused refused_as refused_by reused last_reused group origin by_name revoked_by_name disabled_by_name refused_by_name" },
    { "fields",         NULL,      CLI_KEY_LIST,     "a,b",      "show only these fields", "id state created expires used subject scopes description activates by owner digest_alg revoked revoked_by disabled disabled_by replaces replaced_by refused last_refused refused_as refused_by reused last_reused group origin" },
    { "grace",          NULL,      CLI_KEY_DURATION, "DURATION", "how long the old token is still accepted", "1h 1d" },
    { "group",          "create",  CLI_KEY_TEXT,     "NAME",     "make it one of the fleet: which hosts honour it", NULL },
    { "group",          "import",  CLI_KEY_TEXT,     "NAME",     "make it one of the fleet: which hosts honour it", NULL },
    { "group",          NULL,      CLI_KEY_TEXT,     "NAME",     "of the fleet, that hosts of this group honour", NULL },
    { "origin",         NULL,      CLI_KEY_TEXT,     "HOST",     "of the fleet, that this host has made", NULL },
    { "id",             NULL,      CLI_KEY_TEXT,     "ID",       "the token, by its identifier or its first digits", NULL },
    { "issuer",         NULL,      CLI_KEY_TEXT,     "NAME",     "who issued it, where others do", NULL },
    { "limit",          NULL,      CLI_KEY_TEXT,     "N",        "show no more than so many", NULL },
    { "match",          NULL,      CLI_KEY_TEXT,     "TEXT",     "with this text in description or subject", NULL },
    { "never_used",     NULL,      CLI_KEY_FLAG,     "yes|no",   "that were never used", "yes no" },
    { "order",          NULL,      CLI_KEY_TEXT,     "asc|desc", "in which direction", "asc desc" },
    { "owner",          NULL,      CLI_KEY_TEXT,     "uid:N",    "which user made it, who alone may manage it", NULL },
    { "own_end",        NULL,      CLI_KEY_UNTIL,    "TIME",     "when it would have expired, had nothing shortened it", "never" },
    { "policy",         NULL,      CLI_KEY_TEXT,     "violated", "that break the policy", "violated" },
    { "replaced_by",    NULL,      CLI_KEY_TEXT,     "ID",       "the token that took over from this one", NULL },
    { "replaces",       NULL,      CLI_KEY_TEXT,     "ID",       "the token that this one took over from", NULL },
    { "revoked",        NULL,      CLI_KEY_SINCE,    "TIME",     "when it was revoked", NULL },
    { "revoked_by",     NULL,      CLI_KEY_TEXT,     "uid:N",    "who revoked it", NULL },
    { "rotated",        NULL,      CLI_KEY_SINCE,    "TIME",     "when it was rotated with a grace", NULL },
    { "rotated_end",    NULL,      CLI_KEY_UNTIL,    "TIME",     "when its grace ends", "never" },
    { "scope",          "verify",  CLI_KEY_TEXT,     "a,b",      "ask that the token has all these scopes", NULL },
    { "scope",          NULL,      CLI_KEY_TEXT,     "a,b",      "with all these scopes", NULL },
    { "scopes",         NULL,      CLI_KEY_TEXT,     "a,b",      "what the token may be used for", NULL },
    { "service",        NULL,      CLI_KEY_TEXT,     "NAME",     "whose verifiers judge", NULL },
    { "signed",         NULL,      CLI_KEY_TEXT,     "HEX",      "the digest of its signed part", NULL },
    { "since",          NULL,      CLI_KEY_SINCE,    "TIME",     "changed at this time or later", NULL },
    { "sort",           NULL,      CLI_KEY_TEXT,     "FIELD",    "in which order", "created expires used subject" },
    { "state",          "import",  CLI_KEY_TEXT,     "STATE",    "the state that it is taken over in", "active disabled revoked" },
    { "state",          NULL,      CLI_KEY_TEXT,     "STATE",    "in this state", "active pending disabled expired revoked" },
    { "subject",        "list",    CLI_KEY_TEXT,     "NAME",     "that speak for this subject", NULL },
    { "subject",        "export",  CLI_KEY_TEXT,     "NAME",     "that speak for this subject", NULL },
    { "subject",        "revoke",  CLI_KEY_TEXT,     "NAME",     "that speak for this subject", NULL },
    { "subject",        "disable", CLI_KEY_TEXT,     "NAME",     "that speak for this subject", NULL },
    { "subject",        "enable",  CLI_KEY_TEXT,     "NAME",     "that speak for this subject", NULL },
    { "subject",        "delete",  CLI_KEY_TEXT,     "NAME",     "that speak for this subject", NULL },
    { "subject",        "verify",  CLI_KEY_TEXT,     "NAME",     "ask that the token speaks for this subject", NULL },
    { "subject",        NULL,      CLI_KEY_TEXT,     "NAME",     "whom the token speaks for", NULL },
    { "ttl",            NULL,      CLI_KEY_DURATION, "DURATION", "how long the token is accepted", "1d 30d 90d 1y" },
    { "until",          NULL,      CLI_KEY_SINCE,    "TIME",     "changed before this time", NULL },
    { "unused_for",     NULL,      CLI_KEY_AGE,      "DURATION", "that were not used for this time", "30d 90d" },
    { "used",           NULL,      CLI_KEY_SINCE,    "TIME",     "when it was last used", NULL },
    { "verb",           NULL,      CLI_KEY_TEXT,     "VERB",     "the verb to explain", NULL },
    { "wait",           NULL,      CLI_KEY_DURATION, "DURATION", "how long a change waits for the fleet's database", "5s 30s" },
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

struct cli_key cli_key_row(struct slice name, enum verb verb)
{
    const char *verb_name = verb < VERB_COUNT ? verb_row(verb)->name : "";
    enum key key = cli_key_named(name);

    for (size_t i = 0; i < ROWS; i++)
        if (slice_is(name, rows[i].name) &&
            (rows[i].verb == NULL || strcmp(rows[i].verb, verb_name) == 0))
            return rows[i];
    return (struct cli_key){
        .name = key < KEY_COUNT ? key_name(key) : NULL,
        .argument = "TEXT",
        .summary = "",
    };
}

bool cli_key_of_verb(enum verb verb, enum key key)
{
    return key != KEY_TOKEN && (verb_row(verb)->keys & KEY_BIT(key)) != 0;
}

/* Apply the protocol's rule: an argument that does not begin with a proper key is a word. */
size_t cli_key_length(const char *argument)
{
    size_t len = strspn(argument, "abcdefghijklmnopqrstuvwxyz_");

    return argument[len] == '=' && argument[0] != '_' && len <= LINE_KEY_MAX ? len : 0;
}

enum key cli_key_named(struct slice name)
{
    enum key key = 0;

    while (key < KEY_COUNT && !slice_is(name, key_name(key)))
        key++;
    return key;
}
