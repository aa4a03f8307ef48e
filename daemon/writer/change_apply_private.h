/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that several kinds of change have in common; for change_apply.c and change_rotate.c. */
#ifndef JETON_DAEMON_WRITER_CHANGE_APPLY_PRIVATE_H
#define JETON_DAEMON_WRITER_CHANGE_APPLY_PRIVATE_H

#include "daemon/writer/change.h"
#include "proto/verdict.h"

static inline enum status refuse(struct change *c, enum status status)
{
    return problem_set(&c->problem, status, "%s", status_row(status)->meaning);
}

/* Refuse a change about a token that was not found. */
static inline enum status refuse_unless(struct change *c, enum store_found found)
{
    switch (found) {
    case STORE_FOUND:
        return STATUS_OK;
    case STORE_ABSENT:
        return refuse(c, STATUS_UNKNOWN);
    case STORE_FAILED:
        break;
    }
    return refuse(c, STATUS_STORE);
}

/* Read the token a change is about. */
static inline enum status find(struct change *c, struct store *store)
{
    return refuse_unless(c, change_read(c, store, c->id));
}

/* Return the date of a denial.  It is never 0, which means none, whatever the clock says. */
static inline int64_t date_of_denial(int64_t now)
{
    return now > 0 ? now : 1;
}

/* Check what must hold for every record, so that what is exported can be imported. */
static inline enum status check_times(struct change *c, const struct record *r)
{
    if (r->expires <= r->activates)
        return problem_set(&c->problem, STATUS_BAD_VALUE,
                           "the token would expire before it becomes active");
    return STATUS_OK;
}

/* Turn times relative to now into dates. */
static inline void resolve_times(struct change *c, int64_t now)
{
    if (c->given & KEY_BIT(KEY_TTL))
        c->want.expires = now + c->ttl;
    if ((c->given & KEY_BIT(KEY_DELAY)) && c->delay > 0)
        c->want.activates = now + c->delay;
}

/* Add a token.  Whether it exists already is checked when it is put into the store. */
static inline enum status add(struct change *c)
{
    enum status status = check_times(c, &c->want);

    if (status != STATUS_OK)
        return status;
    if ((c->given & KEY_BIT(KEY_BY)) == 0)
        c->want.by = c->uid;
    c->after = &c->want;
    c->puts = c->is_new = true;
    return STATUS_OK;
}

static inline enum status expires_in_the_past(struct change *c)
{
    return problem_set(&c->problem, STATUS_BAD_VALUE, "expires= is in the past");
}

#endif
