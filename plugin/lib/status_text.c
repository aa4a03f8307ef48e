/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/status_text.h"

static const struct public_status {
    enum jeton_status status;
    enum status wire; /* STATUS_COUNT: the daemon's answer is never this one */
    int http;         /* 0: as in the row of `wire` */
    const char *word; /* NULL: as there */
    const char *text; /* NULL: as there */
} statuses[] = {
    { .status = JETON_OK, .wire = STATUS_OK },
    { .status = JETON_MALFORMED, .wire = STATUS_MALFORMED },
    { .status = JETON_UNKNOWN, .wire = STATUS_UNKNOWN },
    { .status = JETON_IDENTIFIER, .wire = STATUS_IDENTIFIER },
    { .status = JETON_PENDING, .wire = STATUS_PENDING },
    { .status = JETON_EXPIRED, .wire = STATUS_EXPIRED },
    { .status = JETON_DISABLED, .wire = STATUS_DISABLED },
    { .status = JETON_REVOKED, .wire = STATUS_REVOKED },
    { .status = JETON_SCOPE, .wire = STATUS_SCOPE },
    { .status = JETON_SUBJECT, .wire = STATUS_SUBJECT },
    { .status = JETON_DENIED, .wire = STATUS_DENIED },
    { .status = JETON_UNAVAILABLE, .wire = STATUS_UNAVAILABLE },
    { JETON_INVALID, STATUS_COUNT, 500, "invalid",
      "an argument is wrong: scopes, subject, service or claims" },
    { JETON_WAITING, STATUS_COUNT, 503, "waiting", "the answer has not come yet" },
};

enum { STATUSES = sizeof(statuses) / sizeof(statuses[0]) };

enum jeton_status status_text_public(enum status status)
{
    for (size_t i = 0; i < STATUSES; i++)
        if (statuses[i].wire == status && status != STATUS_COUNT)
            return statuses[i].status;
    return JETON_UNAVAILABLE;
}

static const struct public_status *row_of(enum jeton_status status)
{
    size_t i = 0, unavailable = 0;

    for (; i < STATUSES && statuses[i].status != status; i++)
        if (statuses[i].status == JETON_UNAVAILABLE)
            unavailable = i;
    return &statuses[i < STATUSES ? i : unavailable];
}

const char *jeton_status_word(enum jeton_status status)
{
    const struct public_status *s = row_of(status);

    return s->word != NULL ? s->word : status_row(s->wire)->word;
}

const char *jeton_status_text(enum jeton_status status)
{
    const struct public_status *s = row_of(status);

    return s->text != NULL ? s->text : status_row(s->wire)->meaning;
}

int jeton_status_http(enum jeton_status status)
{
    const struct public_status *s = row_of(status);

    return s->http != 0 ? s->http : status_row(s->wire)->http;
}
