/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/status_text.h"

static const struct public_status {
    enum jeton_status status;
    enum status means;
    int http; /* 0: as the row of `means` says */
    const char *word;
    const char *text;
} statuses[] = {
    { .status = JETON_OK, .means = STATUS_OK },
    { .status = JETON_MALFORMED, .means = STATUS_MALFORMED },
    { .status = JETON_UNKNOWN, .means = STATUS_UNKNOWN },
    { .status = JETON_IDENTIFIER, .means = STATUS_IDENTIFIER },
    { .status = JETON_PENDING, .means = STATUS_PENDING },
    { .status = JETON_EXPIRED, .means = STATUS_EXPIRED },
    { .status = JETON_DISABLED, .means = STATUS_DISABLED },
    { .status = JETON_REVOKED, .means = STATUS_REVOKED },
    { .status = JETON_SCOPE, .means = STATUS_SCOPE },
    { .status = JETON_SUBJECT, .means = STATUS_SUBJECT },
    { .status = JETON_DENIED, .means = STATUS_DENIED },
    { .status = JETON_UNAVAILABLE, .means = STATUS_UNAVAILABLE },
    { JETON_INVALID, STATUS_BAD_VALUE, 500, "invalid",
      "the question is wrong: scopes, subject, service or claims are not what they should be" },
    { JETON_WAITING, STATUS_COUNT, 503, "waiting", "the answer has not come yet" },
};

enum { STATUSES = sizeof(statuses) / sizeof(statuses[0]) };

enum jeton_status status_text_public(enum status means)
{
    for (size_t i = 0; i < STATUSES; i++)
        if (statuses[i].means == means)
            return statuses[i].status;
    return JETON_UNAVAILABLE;
}

static const struct public_status *status_look(enum jeton_status status)
{
    size_t i = 0, unavailable = 0;

    for (; i < STATUSES && statuses[i].status != status; i++)
        if (statuses[i].status == JETON_UNAVAILABLE)
            unavailable = i;
    return &statuses[i < STATUSES ? i : unavailable];
}

const char *jeton_status_word(enum jeton_status status)
{
    const struct public_status *s = status_look(status);

    return s->word != NULL ? s->word : status_row(s->means)->word;
}

const char *jeton_status_text(enum jeton_status status)
{
    const struct public_status *s = status_look(status);

    return s->text != NULL ? s->text : status_row(s->means)->meaning;
}

int jeton_status_http(enum jeton_status status)
{
    const struct public_status *s = status_look(status);

    return s->http != 0 ? s->http : status_row(s->means)->http;
}
