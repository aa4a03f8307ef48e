/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of replies: one row says what each is called and how it is shown; a view is the
 * fields that a verb's data lines have. */
#ifndef JETON_PLUGIN_CLI_FIELD_H
#define JETON_PLUGIN_CLI_FIELD_H

#include "proto/line.h"

enum cli_type {
    CLI_TEXT,
    CLI_DATE,   /* a time; on a narrow terminal its day is enough */
    CLI_MOMENT, /* a time, to the second */
    CLI_STATE,  /* shown in colour */
    CLI_NUMBER, /* a number in JSON */
    CLI_LIST,   /* words joined by commas; an array in JSON */
};

enum cli_field {
    CLI_ID,
    CLI_STATUS,
    CLI_CREATED,
    CLI_EXPIRES,
    CLI_USED,
    CLI_SUBJECT,
    CLI_SCOPES,
    CLI_DESCRIPTION,
    CLI_ACTIVATES,
    CLI_BY,
    CLI_REPLACES,
    CLI_SERIAL,
    CLI_TIME,
    CLI_EVENT,
    CLI_PID,
    CLI_VERIFIER,
    CLI_NAME,
    CLI_VALUE,
    CLI_SERVICE,
    CLI_ANSWER,
    CLI_OUTCOME,
    CLI_VERB,
    CLI_USAGE_TEXT,
    CLI_SUMMARY,
    CLI_REVOKED,
    CLI_DISABLED,
    CLI_RETRY_AFTER,
    CLI_PROTOCOL,
    CLI_LINE_MAX,
    CLI_VALUE_MIN,
    CLI_VALUE_MAX,
    CLI_SCOPES_MAX,
    CLI_SCOPE_MAX,
    CLI_SUBJECT_MAX,
    CLI_DESCRIPTION_MAX,
    CLI_IMPORTED,
    CLI_REFUSED,
    CLI_FIELDS
};

struct cli_field_row {
    const char *key;
    enum cli_type type;
    const char *title;  /* above its column */
    const char *absent; /* what a table says where it is not given */
    unsigned typical;   /* columns it takes where they cannot be measured first */
    unsigned least;     /* may be cut to that many; 0: never cut */
    unsigned drop;      /* left out of narrow tables, the lowest first; 0: never */
};

enum { CLI_VIEW_MAX = 12 };

struct cli_view {
    enum cli_field field[CLI_VIEW_MAX];
    size_t count; /* what goes between tabs, in this order */
    size_t shown; /* how many of them, from the first on, a table shows */
};

extern const struct cli_view cli_view_tokens, cli_view_entries, cli_view_stats, cli_view_verbs,
    cli_view_verdict, cli_view_id;

const struct cli_field_row *cli_field_row(enum cli_field field);

/* The type of the field with this key; CLI_TEXT if it is not known. */
enum cli_type cli_field_type(struct slice key);

/* A time for people: "2026-11-23 17:50", with seconds for a CLI_MOMENT, or just the day, written
 * to `room`; the text itself if it is no time. */
enum { CLI_TIME_TEXT = 32 };
struct slice cli_field_time(struct slice text, enum cli_type type, bool day_only,
                            char room[CLI_TIME_TEXT]);

/* The terminal's way to set the colour of a state; NULL: none. */
const char *cli_field_colour(struct slice state);

#define CLI_COLOUR_END "\033[0m"

#endif
