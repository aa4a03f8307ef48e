/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_fleet_change.h"

#include "daemon/base/clock.h"
#include "daemon/writer/fleet_change_read.h"
#include "proto/reply.h"

static bool brings(enum verb verb)
{
    return verb == VERB_PUT || verb == VERB_DENY || verb == VERB_DROP;
}

bool cmd_fleet_spoil(struct session *s, enum verb verb, const struct problem *p)
{
    struct fleet_delivery *b = s->fleet_delivery;

    if (b != NULL && b->problem.status == STATUS_OK)
        problem_set(&b->problem, p->status,
                    "a change of the batch was refused; nothing was changed: "
                    "%s",
                    p->message);
    return s->fleet_quiet && brings(verb);
}

bool cmd_fleet_goes_on(const struct session *s, enum verb verb)
{
    return s->fleet_quiet && s->fleet_delivery != NULL && verb == VERB_PUT;
}

static void answer(struct session *s, enum verb verb, const struct problem *p)
{
    struct text t;

    if (p->status != STATUS_OK) {
        if (!cmd_fleet_spoil(s, verb, p))
            session_refuse(s, p->status, p->message);
    } else if (!s->fleet_quiet && session_begin_reply(s, LINE_MAX_BYTES, &t)) {
        reply_plain(&t, STATUS_OK, NULL);
        session_end_reply(s, &t);
    }
}

/* Check that it may be the next of a snapshot, and note it as the last one. */
static enum status check_snapshot(struct fleet_delivery *d, const struct fleet_change_want *want,
                                  struct problem *problem)
{
    const uint8_t *digest = want->record.digest;

    if (want->kind != FLEET_CHANGE_PUT)
        return problem_set(problem, STATUS_BAD_VALUE,
                           "a snapshot has put alone, with state= of what is denied");
    if (d->has_last && memcmp(d->last, digest, DIGEST_SIZE) >= 0)
        return problem_set(problem, STATUS_BAD_VALUE,
                           "digest=: a snapshot is in ascending order of digests");
    d->has_last = true;
    memcpy(d->last, digest, DIGEST_SIZE);
    return STATUS_OK;
}

static enum status add(struct fleet_delivery *d, const struct request *r, struct problem *problem)
{
    struct fleet_change_want want;
    enum status status = fleet_change_read(r, clock_wall(), &want, problem);

    if (status == STATUS_OK && d->snapshot)
        status = check_snapshot(d, &want, problem);
    if (status != STATUS_OK)
        return status;
    status = fleet_delivery_add(d, want.kind, want.enables, &want.record);
    if (status == STATUS_TOO_LARGE || status == STATUS_INTERNAL)
        problem_set(problem, status, "%s",
                    status == STATUS_INTERNAL ? "no memory" : status_row(status)->meaning);
    return status;
}

void cmd_fleet_change(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct problem problem = { .status = STATUS_OK };

    if (s->fleet_delivery == NULL)
        problem_set(&problem, STATUS_NO_BATCH, "%s", status_row(STATUS_NO_BATCH)->meaning);
    else if (s->fleet_delivery->problem.status != STATUS_OK && s->fleet_quiet)
        return; /* nothing of it will be carried out, and nobody is answered */
    else
        add(s->fleet_delivery, r, &problem);
    answer(s, r->verb, &problem);
}
