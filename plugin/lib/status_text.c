/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lib/status_text.h"

static const struct public_status {
    enum jeton_status status;
    enum status wire;      /* STATUS_COUNT: the daemon's answer is never this one */
    struct status_row own; /* only then */
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
    { JETON_INVALID,
      STATUS_COUNT,
      { ANSWER_ERR, "invalid", "an argument is wrong: scopes, subject, service or claims", false,
        500, "PAM_SERVICE_ERR" } },
    { JETON_WAITING,
      STATUS_COUNT,
      { ANSWER_ERR, "waiting", "the answer has not come yet", true, 503, "PAM_AUTHINFO_UNAVAIL" } },
};

enum { STATUSES = sizeof(statuses) / sizeof(statuses[0]) };

enum jeton_status status_text_public(enum status status)
{
    for (size_t i = 0; i < STATUSES; i++)
        if (statuses[i].wire == status && status != STATUS_COUNT)
            return statuses[i].status;
    return JETON_UNAVAILABLE;
}

const struct status_row *status_text_row(enum jeton_status status)
{
    size_t i = 0, unavailable = 0;

    for (; i < STATUSES && statuses[i].status != status; i++)
        if (statuses[i].status == JETON_UNAVAILABLE)
            unavailable = i;
    const struct public_status *s = &statuses[i < STATUSES ? i : unavailable];
    return s->wire != STATUS_COUNT ? status_row(s->wire) : &s->own;
}

const char *jeton_status_word(enum jeton_status status)
{
    return status_text_row(status)->word;
}

const char *jeton_status_text(enum jeton_status status)
{
    return status_text_row(status)->meaning;
}

int jeton_status_http(enum jeton_status status)
{
    return status_text_row(status)->http;
}
