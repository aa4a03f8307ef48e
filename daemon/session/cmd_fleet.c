/* SPDX-License-Identifier: Apache-2.0 */
/* A word of `fleet` is a row of `words`: its keys, and its handler.  What needs the cache goes to the writer's
 * thread as a scan (fleet_run.h); the rest is answered here, by fleet_status.h. */
#include "daemon/session/cmd_fleet.h"

#include "daemon/base/clock.h"
#include "daemon/session/cmd_fleet_ask.h"
#include "daemon/session/cmd_fleet_take.h"
#include "daemon/writer/fleet_request.h"
#include "daemon/writer/fleet_touched.h"
#include "proto/reply.h"

static command word_place, word_places, word_rewind, word_lease, word_begin, word_end, word_abort,
    word_touched;

#define K(name) KEY_BIT(KEY_##name)

static const struct {
    const char *name;
    uint64_t keys;  /* that it takes */
    uint64_t needs; /* ... and cannot do without */
    command *handler;
} words[] = {
    { "place", 0, 0, word_place },
    { "places", K(AFTER) | K(LIMIT), 0, word_places },
    { "rewind", K(PLACE), K(PLACE), word_rewind },
    { "lease", K(UNTIL) | K(KEEP), K(UNTIL), word_lease },
    { "begin", K(PLACE) | K(SNAPSHOT) | K(CONFIRM) | K(HOW_MANY), 0, word_begin },
    { "end", K(PLACE) | K(MORE), 0, word_end },
    { "abort", 0, 0, word_abort },
    { "touched", K(AFTER) | K(LIMIT), 0, word_touched },
    { "take", K(WAIT), 0, cmd_fleet_take },
    { "done", K(REQUEST) | K(PLACE) | K(SEEN) | K(HOSTS), K(REQUEST) | K(PLACE), cmd_fleet_done },
    { "failed", K(REQUEST) | K(CODE) | K(MESSAGE), K(REQUEST) | K(CODE), cmd_fleet_failed },
};

static struct fleet_status *status_of(const struct session *s)
{
    return s->worker->server->fleet_status;
}

static void refuse_problem(struct session *s, const struct problem *p)
{
    session_refuse(s, p->status, p->message);
}

static void refuse_value(struct session *s, enum key key, const char *fault)
{
    struct problem p;

    problem_set(&p, STATUS_BAD_VALUE, "%s=: %s", key_name(key), fault);
    refuse_problem(s, &p);
}

static void answer_ok(struct session *s)
{
    struct text t;

    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return;
    reply_plain(&t, STATUS_OK, NULL);
    session_end_reply(s, &t);
}

/* -- reading ------------------------------------------------------------------------------------ */

static bool read_place(struct session *s, const struct request *r, struct fleet_place *place)
{
    *place = (struct fleet_place){ 0 };
    if (!request_has(r, KEY_PLACE) || fleet_place_parse(r->value[KEY_PLACE], place))
        return true;
    refuse_value(s, KEY_PLACE, "a place is SERIAL:NONCE, or none");
    return false;
}

static bool read_yes(struct session *s, const struct request *r, enum key key, bool *yes)
{
    *yes = request_has(r, key) && slice_is(r->value[key], "yes");
    if (*yes || !request_has(r, key) || slice_is(r->value[key], "no"))
        return true;
    refuse_value(s, key, "yes or no");
    return false;
}

static bool read_number(struct session *s, const struct request *r, enum key key, uint64_t max,
                        uint64_t *number)
{
    if (!request_has(r, key) || number_parse(r->value[key], max, number))
        return true;
    refuse_value(s, key, "this should be a number");
    return false;
}

/* -- words -------------------------------------------------------------------------------------- */

/* Until then a client may pass what was denied: the agent must not report that it is in force. */
static void put_believed(struct text *t, uint64_t until)
{
    const uint64_t now = clock_monotonic();

    if (until > now)
        line_put_u64(t, "believed", (until - now) / 1000000 + 1);
}

static void word_place(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct fleet_figures figures = fleet_status_figures(status_of(s));
    struct fleet_lease_left left = fleet_status_lease_left(status_of(s));
    struct text t;

    (void)r;
    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return;
    reply_begin(&t, STATUS_OK);
    line_put_key(&t, "place");
    fleet_place_put(&t, &figures.place);
    line_put_u64(&t, "lease", left.until);
    line_put_u64(&t, "keep", left.keep);
    line_put_u64(&t, "tokens", figures.tokens);
    line_put_u64(&t, "rewinds", figures.rewinds);
    line_put_u64(&t, "waiting", figures.waiting);
    put_believed(&t, figures.believed_until);
    reply_end(&t, STATUS_OK, NULL);
    session_end_reply(s, &t);
}

static void word_places(struct run *run, const struct request *r)
{
    struct fleet_request *request = fleet_request_new(FLEET_WORD_PLACES);

    if (request != NULL && (!read_number(run->session, r, KEY_AFTER, INT64_MAX, &request->serial) ||
                            !read_number(run->session, r, KEY_LIMIT, INT64_MAX, &request->limit)))
        fleet_request_free(request);
    else
        cmd_fleet_ask(run->session, request);
}

static void word_rewind(struct run *run, const struct request *r)
{
    struct fleet_place place;

    if (!read_place(run->session, r, &place))
        return;
    struct fleet_request *request = fleet_request_new(FLEET_WORD_REWIND);
    if (request != NULL)
        request->place = place;
    cmd_fleet_ask(run->session, request);
}

static void word_lease(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    uint64_t until = 0, keep;
    struct problem problem;

    if (!read_number(s, r, KEY_UNTIL, INT64_MAX, &until))
        return;
    keep = until;
    if (!read_number(s, r, KEY_KEEP, INT64_MAX, &keep))
        return;
    if (fleet_status_lease(status_of(s), (int64_t)until, (int64_t)keep, &problem) == STATUS_OK)
        answer_ok(s);
    else
        refuse_problem(s, &problem);
}

/* Refuse a batch that would begin elsewhere, with where the host is. */
static void refuse_place(struct session *s, const struct fleet_place *place)
{
    struct text t;

    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return;
    reply_begin(&t, STATUS_PLACE);
    line_put_key(&t, "place");
    fleet_place_put(&t, place);
    reply_end(&t, STATUS_PLACE, NULL);
    session_end_reply(s, &t);
}

static void begin(struct session *s, bool snapshot, uint64_t most, const struct fleet_place *from)
{
    uint64_t number = fleet_status_hold(status_of(s));

    if (number == 0) {
        session_refuse(s, STATUS_BUSY, "another session brings a batch");
        return;
    }
    s->fleet_delivery = fleet_delivery_new(status_of(s), number);
    if (s->fleet_delivery == NULL) {
        session_refuse(s, STATUS_INTERNAL, "no memory");
        return;
    }
    s->fleet_delivery->snapshot = snapshot;
    s->fleet_delivery->most = most;
    s->fleet_delivery->from = *from;
    answer_ok(s);
}

static void word_begin(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct fleet_place from, here = fleet_status_figures(status_of(s)).place;
    bool snapshot;
    uint64_t most = 0;

    s->fleet_quiet = request_has(r, KEY_CONFIRM) && slice_is(r->value[KEY_CONFIRM], "end");
    if (!read_place(s, r, &from) || !read_yes(s, r, KEY_SNAPSHOT, &snapshot) ||
        !read_number(s, r, KEY_HOW_MANY, INT64_MAX, &most))
        return;
    if (request_has(r, KEY_CONFIRM) && !s->fleet_quiet)
        refuse_value(s, KEY_CONFIRM,
                     "end is all that there is: changes are not answered one by one");
    else if (s->fleet_delivery != NULL)
        session_refuse(s, STATUS_BUSY,
                       "a batch is begun already: fleet end or fleet abort ends it");
    else if (!snapshot && !request_has(r, KEY_PLACE))
        session_refuse(s, STATUS_MISSING, "fleet begin needs place=, or snapshot=yes");
    else if (!snapshot && !fleet_place_equal(&from, &here))
        refuse_place(s, &here);
    else
        begin(s, snapshot, most, &from);
}

/* Return what is wrong with the end of a batch; NULL: nothing. */
static const char *end_fault(const struct fleet_delivery *b, const struct fleet_place *place,
                             bool more)
{
    if (more && !b->snapshot)
        return "more=: only a snapshot comes in parts";
    if (!more && place->serial == 0)
        return "place=: a batch ends at a place, which is SERIAL:NONCE";
    return NULL;
}

static void word_end(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct fleet_delivery *b = s->fleet_delivery;
    struct fleet_place place;
    bool more;

    if (!read_place(s, r, &place) || !read_yes(s, r, KEY_MORE, &more))
        return;
    if (b == NULL) {
        session_refuse(s, STATUS_NO_BATCH, "no batch is begun: fleet begin begins one");
        return;
    }
    s->fleet_delivery = NULL;
    const char *fault = end_fault(b, &place, more);
    if (fault != NULL)
        problem_set(&b->problem, STATUS_BAD_VALUE, "%s; nothing was changed", fault);
    struct fleet_request *request = b->problem.status == STATUS_OK ?
                                        fleet_request_new(FLEET_WORD_END) :
                                        NULL;
    if (b->problem.status != STATUS_OK)
        refuse_problem(s, &b->problem);
    if (request == NULL) {
        if (b->problem.status == STATUS_OK)
            session_refuse(s, STATUS_INTERNAL, "no memory");
        fleet_delivery_free(b);
        return;
    }
    request->place = place;
    request->more = more;
    request->delivery = b;
    if (more && s->fleet_quiet) /* without memory for it, it begins when this part is answered */
        s->fleet_delivery = fleet_delivery_follow(b);
    cmd_fleet_ask(s, request);
}

static void word_abort(struct run *run, const struct request *r)
{
    struct session *s = run->session;

    (void)r;
    if (s->fleet_delivery == NULL) {
        session_refuse(s, STATUS_NO_BATCH, "no batch is begun");
        return;
    }
    fleet_delivery_free(s->fleet_delivery);
    s->fleet_delivery = NULL;
    write_queue_wake(s->worker->server->write_queue); /* it gives up a snapshot */
    answer_ok(s);
}

static void word_touched(struct run *run, const struct request *r)
{
    struct fleet_request *request = fleet_request_new(FLEET_WORD_TOUCHED);
    struct session *s = run->session;

    if (request != NULL && request_has(r, KEY_AFTER) &&
        !fleet_touched_read(request, r->value[KEY_AFTER])) {
        refuse_value(s, KEY_AFTER, "a position is next= of an earlier reply");
        fleet_request_free(request);
    } else if (request != NULL && !read_number(s, r, KEY_LIMIT, INT64_MAX, &request->limit)) {
        fleet_request_free(request);
    } else {
        cmd_fleet_ask(s, request);
    }
}

void cmd_fleet(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    uint64_t given = r->has & ~K(VERB);
    size_t at = 0;

    while (at < sizeof(words) / sizeof(words[0]) && !slice_is(r->value[KEY_VERB], words[at].name))
        at++;
    if (at == sizeof(words) / sizeof(words[0]))
        session_refuse(s, STATUS_BAD_VALUE, "fleet has no such word; try help fleet");
    else if ((given & ~words[at].keys) != 0)
        session_refuse(s, STATUS_UNKNOWN_KEY,
                       "this word of fleet does not take such a key; try help "
                       "fleet");
    else if ((given & words[at].needs) != words[at].needs)
        session_refuse(s, STATUS_MISSING, "this word of fleet needs one more key; try help fleet");
    else
        words[at].handler(run, r);
}
