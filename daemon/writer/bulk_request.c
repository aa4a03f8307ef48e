/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/bulk_request.h"

#include "daemon/base/clock.h"
#include "daemon/writer/bulk.h"

/* What the verb can never change does not match, unless state= asks for it: then it is refused. */
static void leave_out_final(struct list_filter *f, const struct request *r)
{
    const uint64_t times = KEY_BIT(KEY_EXPIRES) | KEY_BIT(KEY_TTL);

    f->but_revoked = r->verb == VERB_DISABLE || r->verb == VERB_ENABLE || r->verb == VERB_UPDATE;
    f->but_expired = r->verb == VERB_UPDATE && (r->has & times) != 0;
}

/* Read what is to be done to each token.  NULL: *problem says what is wrong with it. */
static struct bulk *read_bulk(const struct request *r, const struct change_request_context *context,
                              struct problem *problem)
{
    struct request change = *r;
    struct bulk *bulk = NULL;

    change.has &= ~(request_filters(r->verb) | KEY_BIT(KEY_HOW_MANY));
    struct change *want = change_request_read(&change, context, problem);
    if (want != NULL)
        bulk = bulk_new(want, clock_wall());
    if (want == NULL || bulk != NULL)
        return bulk;
    change_free(want);
    problem_set(problem, STATUS_INTERNAL, "no memory");
    return NULL;
}

/* Check that not every token is meant, and that something is to be done. */
static enum status check_change(const struct scan *s, const struct request *r,
                                struct problem *problem)
{
    const uint64_t selecting = request_filters(r->verb) | KEY_BIT(KEY_HOW_MANY);

    if (s->filter.given == 0)
        return problem_set(problem, STATUS_MISSING, "a filter that excludes nothing is none");
    if (r->verb == VERB_UPDATE && (r->has & ~selecting) == 0)
        return problem_set(problem, STATUS_MISSING,
                           "say what to change; subject= selects here, and cannot be changed");
    return STATUS_OK;
}

struct scan *bulk_request_read(const struct request *r,
                               const struct change_request_context *context,
                               struct problem *problem)
{
    struct scan *s = scan_new(r, problem);

    if (s == NULL)
        return NULL;
    leave_out_final(&s->filter, r);
    if (check_change(s, r, problem) == STATUS_OK)
        s->bulk = read_bulk(r, context, problem);
    if (s->bulk == NULL) {
        scan_free(s);
        return NULL;
    }
    s->bulk->has_count = request_has(r, KEY_HOW_MANY);
    s->bulk->count = s->limit;
    return s;
}
