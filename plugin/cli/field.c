/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/field.h"

#include "proto/stamp.h"

/* clang-format off */
static const struct cli_field_row rows[CLI_FIELDS] = {
    /*                      key            type        title        absent  typ least drop */
    [CLI_ID] =          { "id",          CLI_TEXT,   "ID",          "-",     20,  0, 0 },
    [CLI_STATUS] =      { "state",       CLI_STATE,  "STATE",       "-",      8,  0, 0 },
    [CLI_CREATED] =     { "created",     CLI_DATE,   "CREATED",     "-",     16,  0, 5 },
    [CLI_EXPIRES] =     { "expires",     CLI_DATE,   "EXPIRES",     "never", 16,  0, 4 },
    [CLI_USED] =        { "used",        CLI_DATE,   "USED",        "-",     16,  0, 1 },
    [CLI_SUBJECT] =     { "subject",     CLI_TEXT,   "SUBJECT",     "-",     12,  8, 3 },
    [CLI_SCOPES] =      { "scopes",      CLI_LIST,   "SCOPES",      "-",     16,  8, 2 },
    [CLI_DESCRIPTION] = { "description", CLI_TEXT,   "DESCRIPTION", "-",     40, 12, 0 },
    [CLI_ACTIVATES] =   { "activates",   CLI_DATE,   "ACTIVATES",   "-",     16,  0, 0 },
    [CLI_BY] =          { "by",          CLI_TEXT,   "BY",          "-",      8,  0, 1 },
    [CLI_REPLACES] =    { "replaces",    CLI_TEXT,   "REPLACES",    "-",     20,  0, 0 },
    [CLI_SERIAL] =      { "serial",      CLI_NUMBER, "SERIAL",      "-",      6,  0, 0 },
    [CLI_TIME] =        { "time",        CLI_MOMENT, "TIME",        "-",     19,  0, 0 },
    [CLI_EVENT] =       { "event",       CLI_TEXT,   "EVENT",       "-",      7,  0, 0 },
    [CLI_PID] =         { "pid",         CLI_NUMBER, "PID",         "-",      6,  0, 0 },
    [CLI_VERIFIER] =    { "verifier",    CLI_TEXT,   "VERIFIER",    "-",      8,  0, 0 },
    [CLI_NAME] =        { "name",        CLI_TEXT,   "NAME",        "-",     20,  0, 0 },
    [CLI_VALUE] =       { "value",       CLI_NUMBER, "VALUE",       "-",     20,  0, 0 },
    [CLI_SERVICE] =     { "service",     CLI_TEXT,   "SERVICE",     "-",     12,  0, 0 },
    [CLI_ANSWER] =      { "answer",      CLI_TEXT,   "ANSWER",      "-",     11,  0, 0 },
    [CLI_OUTCOME] =     { "outcome",     CLI_TEXT,   "OUTCOME",     "-",      7,  0, 0 },
    [CLI_VERB] =        { "verb",        CLI_TEXT,   "VERB",        "-",      8,  0, 0 },
    [CLI_USAGE_TEXT] =  { "usage",       CLI_TEXT,   "USAGE",       "-",     40,  0, 0 },
    [CLI_SUMMARY] =     { "summary",     CLI_TEXT,   "SUMMARY",     "-",     40,  0, 0 },
    /* Shown in blocks only. */
    [CLI_REVOKED] =         { .key = "revoked", .type = CLI_DATE },
    [CLI_DISABLED] =        { .key = "disabled", .type = CLI_DATE },
    [CLI_RETRY_AFTER] =     { .key = "retry_after", .type = CLI_NUMBER },
    [CLI_PROTOCOL] =        { .key = "protocol", .type = CLI_NUMBER },
    [CLI_LINE_MAX] =        { .key = "line_max", .type = CLI_NUMBER },
    [CLI_VALUE_MIN] =       { .key = "value_min", .type = CLI_NUMBER },
    [CLI_VALUE_MAX] =       { .key = "value_max", .type = CLI_NUMBER },
    [CLI_SCOPES_MAX] =      { .key = "scopes_max", .type = CLI_NUMBER },
    [CLI_SCOPE_MAX] =       { .key = "scope_max", .type = CLI_NUMBER },
    [CLI_SUBJECT_MAX] =     { .key = "subject_max", .type = CLI_NUMBER },
    [CLI_DESCRIPTION_MAX] = { .key = "description_max", .type = CLI_NUMBER },
    [CLI_IMPORTED] =        { .key = "imported", .type = CLI_NUMBER },
    [CLI_REFUSED] =         { .key = "refused", .type = CLI_NUMBER },
};
/* clang-format on */

const struct cli_view cli_view_tokens = { { CLI_ID, CLI_STATUS, CLI_CREATED, CLI_EXPIRES, CLI_USED,
                                            CLI_SUBJECT, CLI_SCOPES, CLI_DESCRIPTION, CLI_ACTIVATES,
                                            CLI_BY, CLI_REPLACES },
                                          .count = 11,
                                          .shown = 8 };
const struct cli_view cli_view_entries = { { CLI_SERIAL, CLI_TIME, CLI_EVENT, CLI_ID, CLI_BY,
                                             CLI_SUBJECT, CLI_SCOPES, CLI_DESCRIPTION, CLI_PID,
                                             CLI_EXPIRES, CLI_ACTIVATES, CLI_REPLACES },
                                           .count = 12,
                                           .shown = 8 };
const struct cli_view cli_view_stats = { { CLI_NAME, CLI_VALUE, CLI_SERVICE, CLI_VERIFIER,
                                           CLI_ANSWER, CLI_OUTCOME },
                                         .count = 6,
                                         .shown = 6 };
const struct cli_view cli_view_verbs = { { CLI_VERB, CLI_USAGE_TEXT, CLI_SUMMARY },
                                         .count = 3,
                                         .shown = 3 };
const struct cli_view cli_view_verdict = {
    { CLI_ID, CLI_SUBJECT, CLI_SCOPES, CLI_EXPIRES, CLI_VERIFIER }, .count = 5, .shown = 5
};
const struct cli_view cli_view_id = { { CLI_ID }, .count = 1, .shown = 1 };

const struct cli_field_row *cli_field_row(enum cli_field field)
{
    return &rows[field];
}

enum cli_type cli_field_type(struct slice key)
{
    for (enum cli_field field = 0; field < CLI_FIELDS; field++)
        if (slice_is(key, rows[field].key))
            return rows[field].type;
    return CLI_TEXT;
}

struct slice cli_field_time(struct slice text, enum cli_type type, bool day_only,
                            char room[CLI_TIME_TEXT])
{
    size_t len = type == CLI_MOMENT ? 19 : day_only ? 10 : 16;
    int64_t time;

    if ((type != CLI_DATE && type != CLI_MOMENT) || !stamp_parse(text, &time))
        return text;
    memcpy(room, text.at, len);
    if (len > 10)
        room[10] = ' ';
    return (struct slice){ room, len };
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
