/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/field.h"

#include "plugin/cli/zone.h"
#include "proto/stamp.h"

/* clang-format off */
static const struct cli_field_row rows[CLI_FIELD_COUNT] = {
    /*                      key            type        title        absent  typ  min drop */
    [CLI_FIELD_ID] =          { "id",          CLI_TYPE_TEXT,   "ID",          "-",     20,  0, 0 },
    [CLI_FIELD_STATE] =      { "state",       CLI_TYPE_STATE,  "STATE",       "-",      8,  0, 0 },
    [CLI_FIELD_CREATED] =     { "created",     CLI_TYPE_DATE,   "CREATED",     "-",     16,  0, 4 },
    [CLI_FIELD_EXPIRES] =     { "expires",     CLI_TYPE_DATE,   "EXPIRES",     "never", 16,  0, 6 },
    [CLI_FIELD_USED] =        { "used",        CLI_TYPE_DATE,   "USED",        "-",     16,  0, 1 },
    [CLI_FIELD_SUBJECT] =     { "subject",     CLI_TYPE_TEXT,   "SUBJECT",     "-",     12,  8, 3 },
    [CLI_FIELD_SCOPES] =      { "scopes",      CLI_TYPE_LIST,   "SCOPES",      "-",     16,  8, 2 },
    [CLI_FIELD_DESCRIPTION] = { "description", CLI_TYPE_TEXT,   "DESCRIPTION", "-",     40,  8, 0 },
    [CLI_FIELD_ACTIVATES] =   { "activates",   CLI_TYPE_DATE,   "ACTIVATES",   "-",     16,  0, 0 },
    [CLI_FIELD_BY] =          { "by",          CLI_TYPE_TEXT,   "BY",          "-",      8,  0, 4 },
    [CLI_FIELD_REPLACES] =    { "replaces",    CLI_TYPE_TEXT,   "REPLACES",    "-",     20,  0, 0 },
    [CLI_FIELD_SERIAL] =      { "serial",      CLI_TYPE_NUMBER, "SERIAL",      "-",      6,  0, 5 },
    [CLI_FIELD_TIME] =        { "time",        CLI_TYPE_TIME, "TIME",        "-",     19,  0, 0 },
    [CLI_FIELD_EVENT] =       { "event",       CLI_TYPE_TEXT,   "EVENT",       "-",      7,  0, 0 },
    [CLI_FIELD_EPOCH] =       { "epoch",       CLI_TYPE_TEXT,   "EPOCH",       "-",     16,  0, 0 },
    [CLI_FIELD_PID] =         { "pid",         CLI_TYPE_NUMBER, "PID",         "-",      6,  0, 0 },
    [CLI_FIELD_VERIFIER] =    { "verifier",    CLI_TYPE_TEXT,   "VERIFIER",    "-",      8,  0, 0 },
    [CLI_FIELD_NAME] =        { "name",        CLI_TYPE_TEXT,   "NAME",        "-",     20,  0, 0 },
    [CLI_FIELD_VALUE] =       { "value",       CLI_TYPE_NUMBER, "VALUE",       "-",     20,  0, 0 },
    [CLI_FIELD_SERVICE] =     { "service",     CLI_TYPE_TEXT,   "SERVICE",     "-",     12,  0, 0 },
    [CLI_FIELD_ANSWER] =      { "answer",      CLI_TYPE_TEXT,   "ANSWER",      "-",     11,  0, 0 },
    [CLI_FIELD_OUTCOME] =     { "outcome",     CLI_TYPE_TEXT,   "OUTCOME",     "-",      7,  0, 0 },
    [CLI_FIELD_UID] =         { "uid",         CLI_TYPE_NUMBER, "UID",         "-",      5,  0, 0 },
    [CLI_FIELD_VERB] =        { "verb",        CLI_TYPE_TEXT,   "VERB",        "-",      8,  0, 0 },
    [CLI_FIELD_USAGE] =  { "usage",       CLI_TYPE_TEXT,   "USAGE",       "-",     40,  0, 0 },
    [CLI_FIELD_SUMMARY] =     { "summary",     CLI_TYPE_TEXT,   "SUMMARY",     "-",     40,  0, 0 },
    [CLI_FIELD_GROUP] =       { "group",       CLI_TYPE_TEXT,   "GROUP",       "-",      8,  8, 4 },
    [CLI_FIELD_ORIGIN] =      { "origin",      CLI_TYPE_TEXT,   "ORIGIN",      "-",      8,  8, 1 },
    [CLI_FIELD_POLICY] =      { "policy",      CLI_TYPE_TEXT,   "POLICY",      "(all)",  8,  0, 0 },
    [CLI_FIELD_DEFAULT_TTL] = { "default_ttl", CLI_TYPE_TEXT,   "DEFAULT",     "-",      7,  0, 0 },
    [CLI_FIELD_MAX_TTL] =     { "max_ttl",     CLI_TYPE_TEXT,   "MAX",         "-",      7,  0, 0 },
    [CLI_FIELD_REQUIRE] =     { "require",     CLI_TYPE_LIST,   "REQUIRE",     "-",     12,  8, 1 },
    [CLI_FIELD_MAX_TOKENS] =  { "max_tokens",  CLI_TYPE_NUMBER, "TOKENS",      "-",      6,  0, 0 },
    [CLI_FIELD_TOKENS] =      { "tokens",      CLI_TYPE_NUMBER, "IN USE",      "-",      6,  0, 1 },
    [CLI_FIELD_WARN] =        { "warn",        CLI_TYPE_LIST,   "WARN",        "-",      7,  0, 1 },
    [CLI_FIELD_EXEMPT_IMPORT] = { "exempt_import", CLI_TYPE_LIST, "EXEMPT",    "-",      6,  0, 1 },
    [CLI_FIELD_VIOLATES] =    { "violates",    CLI_TYPE_LIST,   "VIOLATES",    "-",     16,  0, 0 },
    /* Shown in blocks only. */
    [CLI_FIELD_REVOKED] =         { .key = "revoked", .type = CLI_TYPE_DATE },
    [CLI_FIELD_DISABLED] =        { .key = "disabled", .type = CLI_TYPE_DATE },
    [CLI_FIELD_RETRY_AFTER] =     { .key = "retry_after", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_PROTOCOL] =        { .key = "protocol", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_LINE_MAX] =        { .key = "line_max", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_VALUE_MIN] =       { .key = "value_min", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_VALUE_MAX] =       { .key = "value_max", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_SCOPES_MAX] =      { .key = "scopes_max", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_SCOPE_MAX] =       { .key = "scope_max", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_SUBJECT_MAX] =     { .key = "subject_max", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_DESCRIPTION_MAX] = { .key = "description_max", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_IMPORTED] =        { .key = "imported", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_REFUSED] =         { .key = "refused", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_BANS] =            { .key = "bans", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_BANNED] =          { .key = "banned", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_NEW] =             { .key = "new", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_UPDATED] =         { .key = "updated", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_DENIED] =          { .key = "denied", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_PRESENT] =         { .key = "present", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_PART] =            { .key = "part" },
    [CLI_FIELD_REPLACED_BY] =     { .key = "replaced_by" },
    [CLI_FIELD_REFUSED_BY] =      { .key = "refused_by" },
    [CLI_FIELD_LAST_REFUSED] =    { .key = "last_refused", .type = CLI_TYPE_DATE },
    [CLI_FIELD_REUSED] =          { .key = "reused", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_LAST_REUSED] =     { .key = "last_reused", .type = CLI_TYPE_DATE },
    [CLI_FIELD_REVOKED_BY] =      { .key = "revoked_by" },
    [CLI_FIELD_BY_NAME] =         { .key = "by_name" },
    [CLI_FIELD_OWNER] =           { .key = "owner" },
    [CLI_FIELD_DIGEST_ALG] =      { .key = "digest_alg" },
    [CLI_FIELD_DISABLED_BY] =     { .key = "disabled_by" },
    [CLI_FIELD_REFUSED_AS] =      { .key = "refused_as" },
    [CLI_FIELD_REVOKED_BY_NAME] = { .key = "revoked_by_name" },
    [CLI_FIELD_DISABLED_BY_NAME] = { .key = "disabled_by_name" },
    [CLI_FIELD_REFUSED_BY_NAME] = { .key = "refused_by_name" },
    [CLI_FIELD_LOGIN] =           { .key = "login" },
    [CLI_FIELD_OLD_EXPIRES] =     { .key = "old_expires", .type = CLI_TYPE_DATE },
    [CLI_FIELD_OLD_SUBJECT] =     { .key = "old_subject" },
    [CLI_FIELD_OLD_SCOPES] =      { .key = "old_scopes", .type = CLI_TYPE_LIST },
    [CLI_FIELD_OLD_DESCRIPTION] = { .key = "old_description" },
    [CLI_FIELD_HOW_MANY] =        { .key = "count", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_CHANGED] =         { .key = "changed", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_PLACE] =           { .key = "place" },
    [CLI_FIELD_SEEN] =            { .key = "seen", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_HOSTS] =           { .key = "hosts", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_PENDING] =         { .key = "pending" },
    [CLI_FIELD_PUTS] =            { .key = "puts", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_DENIES] =          { .key = "denies", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_DROPS] =           { .key = "drops", .type = CLI_TYPE_NUMBER },
    [CLI_FIELD_SNAPSHOT] =        { .key = "snapshot" },
    [CLI_FIELD_REWOUND] =         { .key = "rewound" },
    [CLI_FIELD_IDS] =             { .key = "ids", .type = CLI_TYPE_LIST },
};
/* clang-format on */

const struct cli_view cli_view_tokens = {
    { CLI_FIELD_ID,         CLI_FIELD_STATE,       CLI_FIELD_CREATED,  CLI_FIELD_EXPIRES,
      CLI_FIELD_USED,       CLI_FIELD_SUBJECT,     CLI_FIELD_SCOPES,   CLI_FIELD_DESCRIPTION,
      CLI_FIELD_ACTIVATES,  CLI_FIELD_BY,          CLI_FIELD_REPLACES, CLI_FIELD_REPLACED_BY,
      CLI_FIELD_REVOKED,    CLI_FIELD_REVOKED_BY,  CLI_FIELD_REFUSED,  CLI_FIELD_LAST_REFUSED,
      CLI_FIELD_REFUSED_BY, CLI_FIELD_VIOLATES,    CLI_FIELD_DISABLED, CLI_FIELD_DISABLED_BY,
      CLI_FIELD_REUSED,     CLI_FIELD_LAST_REUSED, CLI_FIELD_GROUP,    CLI_FIELD_ORIGIN },
    .count = 24,
    .shown = 8,
    .noun = "tokens"
};
const struct cli_view cli_view_entries = {
    { CLI_FIELD_SERIAL,      CLI_FIELD_TIME,        CLI_FIELD_EVENT,
      CLI_FIELD_ID,          CLI_FIELD_BY,          CLI_FIELD_SUBJECT,
      CLI_FIELD_SCOPES,      CLI_FIELD_DESCRIPTION, CLI_FIELD_PID,
      CLI_FIELD_EXPIRES,     CLI_FIELD_ACTIVATES,   CLI_FIELD_REPLACES,
      CLI_FIELD_EPOCH,       CLI_FIELD_REPLACED_BY, CLI_FIELD_BY_NAME,
      CLI_FIELD_LOGIN,       CLI_FIELD_WARN,        CLI_FIELD_OLD_EXPIRES,
      CLI_FIELD_OLD_SUBJECT, CLI_FIELD_OLD_SCOPES,  CLI_FIELD_OLD_DESCRIPTION,
      CLI_FIELD_GROUP,       CLI_FIELD_PLACE,       CLI_FIELD_PUTS,
      CLI_FIELD_DENIES,      CLI_FIELD_DROPS,       CLI_FIELD_SNAPSHOT,
      CLI_FIELD_REWOUND,     CLI_FIELD_IDS },
    .count = 29,
    .shown = 8,
    .changes = true,
    .noun = "entries"
};
const struct cli_view cli_view_trace = {
    { CLI_FIELD_PART,        CLI_FIELD_ID,      CLI_FIELD_STATE,        CLI_FIELD_SERIAL,
      CLI_FIELD_TIME,        CLI_FIELD_EVENT,   CLI_FIELD_BY,           CLI_FIELD_CREATED,
      CLI_FIELD_EXPIRES,     CLI_FIELD_USED,    CLI_FIELD_SUBJECT,      CLI_FIELD_SCOPES,
      CLI_FIELD_DESCRIPTION, CLI_FIELD_REVOKED, CLI_FIELD_REVOKED_BY,   CLI_FIELD_REPLACES,
      CLI_FIELD_REPLACED_BY, CLI_FIELD_REFUSED, CLI_FIELD_LAST_REFUSED, CLI_FIELD_REFUSED_BY },
    .count = 20,
    .shown = 20
};
const struct cli_view cli_view_stats = { { CLI_FIELD_NAME, CLI_FIELD_VALUE, CLI_FIELD_SERVICE,
                                           CLI_FIELD_VERIFIER, CLI_FIELD_ANSWER, CLI_FIELD_OUTCOME,
                                           CLI_FIELD_UID },
                                         .count = 7,
                                         .shown = 7 };
const struct cli_view cli_view_verbs = { { CLI_FIELD_VERB, CLI_FIELD_USAGE, CLI_FIELD_SUMMARY },
                                         .count = 3,
                                         .shown = 3 };
const struct cli_view cli_view_verdict = { { CLI_FIELD_ID, CLI_FIELD_SUBJECT, CLI_FIELD_SCOPES,
                                             CLI_FIELD_EXPIRES, CLI_FIELD_VERIFIER },
                                           .count = 5,
                                           .shown = 5 };
const struct cli_view cli_view_id = { { CLI_FIELD_ID }, .count = 1, .shown = 1 };

const struct cli_view cli_view_policies = {
    { CLI_FIELD_POLICY, CLI_FIELD_SUBJECT, CLI_FIELD_DEFAULT_TTL, CLI_FIELD_MAX_TTL,
      CLI_FIELD_MAX_TOKENS, CLI_FIELD_REQUIRE, CLI_FIELD_SCOPES, CLI_FIELD_WARN,
      CLI_FIELD_EXEMPT_IMPORT, CLI_FIELD_TOKENS },
    .count = 10,
    .shown = 10
};

const struct cli_field_row *cli_field_row(enum cli_field field)
{
    return &rows[field];
}

static enum cli_field field_named(struct slice key)
{
    enum cli_field field = 0;

    while (field < CLI_FIELD_COUNT && !slice_is(key, rows[field].key))
        field++;
    return field;
}

bool cli_field_view(struct slice names, struct cli_view *view)
{
    view->count = 0;
    while (names.len > 0 && view->count < CLI_VIEW_MAX) {
        const char *comma = memchr(names.at, ',', names.len);
        size_t len = comma != NULL ? (size_t)(comma - names.at) : names.len;
        view->field[view->count] = field_named((struct slice){ names.at, len });
        if (view->field[view->count++] == CLI_FIELD_COUNT)
            return false;
        len += comma != NULL ? 1 : 0;
        names = (struct slice){ names.at + len, names.len - len };
    }
    view->shown = view->count;
    return names.len == 0 && view->count > 0;
}

enum cli_field_type cli_field_type(struct slice key)
{
    enum cli_field field = field_named(key);

    return field < CLI_FIELD_COUNT ? rows[field].type : CLI_TYPE_TEXT;
}

struct slice cli_field_time(struct slice text, enum cli_field_type type, enum cli_field_time how,
                            char buffer[CLI_FIELD_TIME_MAX])
{
    static const char *const formats[][2] = {
        [CLI_TYPE_DATE] = { "%Y-%m-%d", "%Y-%m-%d %H:%M" },
        [CLI_TYPE_TIME] = { "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S" },
    };
    int64_t time;

    if ((type != CLI_TYPE_DATE && type != CLI_TYPE_TIME) || !stamp_parse(text, &time))
        return text;
    struct tm tm = cli_zone_break(time);
    size_t len = strftime(buffer, CLI_FIELD_TIME_MAX / 2, formats[type][how != CLI_FIELD_TIME_DAY],
                          &tm);
    struct text made = { .at = buffer, .cap = CLI_FIELD_TIME_MAX, .len = len };
    if (how == CLI_FIELD_TIME_WHOLE ||
        (how == CLI_FIELD_TIME_CELL && strcmp(tm.tm_zone, cli_zone_now()) != 0)) {
        text_addc(&made, ' ');
        text_adds(&made, tm.tm_zone);
    }
    return text_slice(&made);
}

const char *cli_field_colour(struct slice state)
{
    static const struct {
        const char *state, *colour;
    } colours[] = {
        { "active", "\033[32m" },  { "pending", "\033[33m" }, { "disabled", "\033[33m" },
        { "revoked", "\033[31m" }, { "expired", "\033[31m" },
    };

    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
        if (slice_is(state, colours[i].state))
            return colours[i].colour;
    return NULL;
}
