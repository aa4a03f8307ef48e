/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of replies and how each is shown; and views: which fields a verb's data lines have. */
#ifndef JETON_PLUGIN_CLI_FIELD_H
#define JETON_PLUGIN_CLI_FIELD_H

#include "proto/line.h"

enum cli_field_type {
    CLI_TYPE_TEXT,
    CLI_TYPE_DATE,   /* a time to the minute; on a narrow terminal only the day */
    CLI_TYPE_TIME,   /* a time to the second */
    CLI_TYPE_STATE,  /* shown in colour */
    CLI_TYPE_NUMBER, /* a number in JSON */
    CLI_TYPE_LIST,   /* words joined by commas; an array in JSON */
};

enum cli_field {
    CLI_FIELD_ID,
    CLI_FIELD_STATE,
    CLI_FIELD_CREATED,
    CLI_FIELD_EXPIRES,
    CLI_FIELD_USED,
    CLI_FIELD_SUBJECT,
    CLI_FIELD_SCOPES,
    CLI_FIELD_DESCRIPTION,
    CLI_FIELD_ACTIVATES,
    CLI_FIELD_BY,
    CLI_FIELD_REPLACES,
    CLI_FIELD_SERIAL,
    CLI_FIELD_TIME,
    CLI_FIELD_EVENT,
    CLI_FIELD_EPOCH,
    CLI_FIELD_PID,
    CLI_FIELD_VERIFIER,
    CLI_FIELD_NAME,
    CLI_FIELD_VALUE,
    CLI_FIELD_SERVICE,
    CLI_FIELD_ANSWER,
    CLI_FIELD_OUTCOME,
    CLI_FIELD_VERB,
    CLI_FIELD_USAGE,
    CLI_FIELD_SUMMARY,
    CLI_FIELD_POLICY,
    CLI_FIELD_DEFAULT_TTL,
    CLI_FIELD_MAX_TTL,
    CLI_FIELD_REQUIRE,
    CLI_FIELD_MAX_TOKENS,
    CLI_FIELD_TOKENS,
    CLI_FIELD_WARN,
    CLI_FIELD_EXEMPT_IMPORT,
    CLI_FIELD_VIOLATES,
    CLI_FIELD_REVOKED,
    CLI_FIELD_DISABLED,
    CLI_FIELD_RETRY_AFTER,
    CLI_FIELD_PROTOCOL,
    CLI_FIELD_LINE_MAX,
    CLI_FIELD_VALUE_MIN,
    CLI_FIELD_VALUE_MAX,
    CLI_FIELD_SCOPES_MAX,
    CLI_FIELD_SCOPE_MAX,
    CLI_FIELD_SUBJECT_MAX,
    CLI_FIELD_DESCRIPTION_MAX,
    CLI_FIELD_IMPORTED,
    CLI_FIELD_REFUSED,
    CLI_FIELD_BANS,
    CLI_FIELD_BANNED,
    CLI_FIELD_NEW,
    CLI_FIELD_UPDATED,
    CLI_FIELD_DENIED,
    CLI_FIELD_PRESENT,
    CLI_FIELD_PART,
    CLI_FIELD_REPLACED_BY,
    CLI_FIELD_REFUSED_BY,
    CLI_FIELD_LAST_REFUSED,
    CLI_FIELD_REUSED,
    CLI_FIELD_LAST_REUSED,
    CLI_FIELD_REVOKED_BY,
    CLI_FIELD_BY_NAME,
    CLI_FIELD_OWNER,
    CLI_FIELD_DIGEST_ALG,
    CLI_FIELD_DISABLED_BY,
    CLI_FIELD_REFUSED_AS,
    CLI_FIELD_REVOKED_BY_NAME,
    CLI_FIELD_DISABLED_BY_NAME,
    CLI_FIELD_REFUSED_BY_NAME,
    CLI_FIELD_LOGIN,
    CLI_FIELD_OLD_EXPIRES,
    CLI_FIELD_OLD_SUBJECT,
    CLI_FIELD_OLD_SCOPES,
    CLI_FIELD_OLD_DESCRIPTION,
    CLI_FIELD_UID,
    CLI_FIELD_HOW_MANY,
    CLI_FIELD_CHANGED,
    CLI_FIELD_GROUP,
    CLI_FIELD_ORIGIN,
    CLI_FIELD_PLACE,
    CLI_FIELD_SEEN,
    CLI_FIELD_HOSTS,
    CLI_FIELD_PENDING,
    CLI_FIELD_PUTS,
    CLI_FIELD_DENIES,
    CLI_FIELD_DROPS,
    CLI_FIELD_SNAPSHOT,
    CLI_FIELD_REWOUND,
    CLI_FIELD_IDS,
    CLI_FIELD_COUNT
};

struct cli_field_row {
    const char *key;
    enum cli_field_type type;
    const char *title;  /* heading of its column */
    const char *absent; /* shown in a table where the field is missing */
    unsigned typical;   /* width, where it cannot be measured first */
    unsigned min_width; /* may be cut to that; 0: never cut */
    unsigned drop;      /* order of dropping it from narrow tables; 0: never */
};

enum { CLI_VIEW_MAX = 32 };

struct cli_view {
    enum cli_field field[CLI_VIEW_MAX];
    size_t count;     /* of all fields in plain output, in this order */
    size_t shown;     /* of the first fields, which a table shows */
    bool fleet;       /* a table has columns for group and origin only where they are not empty */
    bool changes;     /* below a row, a table shows what it changed (changes.h) */
    const char *noun; /* what its rows are, to remark that there are none; NULL: no remark */
};

extern const struct cli_view cli_view_tokens, cli_view_entries, cli_view_trace, cli_view_stats,
    cli_view_verbs, cli_view_verdict, cli_view_id, cli_view_policies;

const struct cli_field_row *cli_field_row(enum cli_field field);

/* Make a view of the fields with these names, joined by commas; false: some are not known, or there are
 * too many. */
bool cli_field_view(struct slice names, struct cli_view *view);

/* Return the type of the field with this key; CLI_TYPE_TEXT if it is not known. */
enum cli_field_type cli_field_type(struct slice key);

/* How much of a time is shown, in the zone of zone.h: */
enum cli_field_time {
    CLI_FIELD_TIME_DAY,   /* the day; of a CLI_TYPE_TIME, the minute */
    CLI_FIELD_TIME_CELL,  /* the minute or the second, and the zone if it is not that of now */
    CLI_FIELD_TIME_WHOLE, /* the same, always with the zone */
};

/* Format a time for people into `buffer`, such as "2026-11-23 17:50".  Return the text itself if it
 * is no time. */
enum { CLI_FIELD_TIME_MAX = 64 };
struct slice cli_field_time(struct slice text, enum cli_field_type type, enum cli_field_time how,
                            char buffer[CLI_FIELD_TIME_MAX]);

/* Return the escape sequence for the colour of a state, or NULL if it has none. */
const char *cli_field_colour(struct slice state);

#define CLI_FIELD_COLOUR_END "\033[0m"

#endif
