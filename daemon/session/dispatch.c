/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/dispatch.h"

#include "daemon/session/cmd_backup.h"
#include "daemon/session/cmd_change.h"
#include "daemon/session/cmd_fleet.h"
#include "daemon/session/cmd_fleet_change.h"
#include "daemon/session/cmd_info.h"
#include "daemon/session/cmd_scan.h"
#include "daemon/session/cmd_stats.h"
#include "daemon/session/cmd_table.h"
#include "daemon/session/cmd_trace.h"
#include "daemon/session/cmd_verify.h"
#include "daemon/session/pending_verify.h"
#include "daemon/session/self_user.h"
#include "daemon/writer/fleet_request.h"

enum {
    OUT_HIGH = 32 * 1024,    /* bytes unsent: above this nothing new is begun */
    CHANGES_A_RUN = 16,      /* then others have their turn: to make a value takes time */
    CHANGES_MAX = 1024,      /* under way, of one admin session */
    CHANGES_MAX_VERIFY = 16, /* ... of one that may only revoke what it holds */
};

/* What must be answered before a request is begun; all wait for a scan. */
enum order {
    ORDER_ALL,     /* everything before it */
    ORDER_SENT,    /* everything, and all replies are sent */
    ORDER_BATCHED, /* changes; verifications are answered together with it */
    ORDER_CHANGE,  /* verifications; changes travel together, and each needs a slot */
};

static const struct {
    command *handler;
    enum order order;
} commands[VERB_COUNT + 1] = {
    [VERB_VERIFY] = { cmd_verify, ORDER_BATCHED },
    [VERB_TABLE] = { cmd_table, ORDER_SENT },
    [VERB_ID] = { cmd_id, ORDER_ALL },
    [VERB_USED] = { cmd_used, ORDER_ALL },
    [VERB_REFUSED] = { cmd_refused, ORDER_ALL },
    [VERB_HELLO] = { cmd_hello, ORDER_ALL },
    [VERB_HELP] = { cmd_help, ORDER_ALL },
    [VERB_PING] = { cmd_ping, ORDER_ALL },
    [VERB_QUIT] = { cmd_quit, ORDER_ALL },
    [VERB_STATS] = { cmd_stats, ORDER_ALL },
    [VERB_LIST] = { cmd_scan, ORDER_ALL },
    [VERB_SHOW] = { cmd_scan, ORDER_ALL },
    [VERB_EXPORT] = { cmd_scan, ORDER_ALL },
    [VERB_JOURNAL] = { cmd_scan, ORDER_ALL },
    [VERB_WATCH] = { cmd_scan, ORDER_ALL },
    [VERB_POLICY] = { cmd_scan, ORDER_ALL },
    [VERB_CHECKPOINT] = { cmd_scan, ORDER_ALL },
    [VERB_BACKUP] = { cmd_backup, ORDER_SENT },
    [VERB_CREATE] = { cmd_change, ORDER_CHANGE },
    [VERB_UPDATE] = { cmd_change, ORDER_CHANGE },
    [VERB_DISABLE] = { cmd_change, ORDER_CHANGE },
    [VERB_ENABLE] = { cmd_change, ORDER_CHANGE },
    [VERB_REVOKE] = { cmd_change, ORDER_CHANGE },
    [VERB_ROTATE] = { cmd_change, ORDER_CHANGE },
    [VERB_DELETE] = { cmd_change, ORDER_CHANGE },
    [VERB_BAN] = { cmd_change, ORDER_CHANGE },
    [VERB_IMPORT] = { cmd_change, ORDER_CHANGE },
    [VERB_TRACE] = { cmd_trace, ORDER_ALL },
    [VERB_FLEET] = { cmd_fleet, ORDER_ALL },
    [VERB_PUT] = { cmd_fleet_change, ORDER_ALL },
    [VERB_DENY] = { cmd_fleet_change, ORDER_ALL },
    [VERB_DROP] = { cmd_fleet_change, ORDER_ALL },
    [VERB_COUNT] = { NULL, ORDER_ALL }, /* no verb: it is refused */
};

static enum session_wait step(struct run *run);
static enum session_wait step_line(struct run *run);
static enum session_wait may_begin(const struct run *run, const struct request_line *line);
static enum session_wait may_change(const struct run *run);
static void begin(struct run *run, const struct request_line *line);
static void spend(struct run *run, unsigned work);

/* Keep the stacks while verifications in the batch point into them. */
static const struct stacks *stacks_of(struct worker *worker)
{
    if (worker->batch.count > 0)
        return stack_set_used(worker->stack_reader);
    return stack_set_enter(worker->stack_reader);
}

/* True for a scan that waits for news until the client asks for something else. */
static bool ends_with_next_line(const struct scan *scan)
{
    return scan->verb == VERB_WATCH ||
           (scan->fleet != NULL && scan->fleet->word == FLEET_WORD_TAKE);
}

void dispatch_run(struct session *s)
{
    struct run run = {
        .session = s,
        .stacks = stacks_of(s->worker),
        .granted = s->state == SESSION_GRANTED,
    };
    bool fetched = cmd_scan_next_chunk(s);

    while ((s->wait = step(&run)) == SESSION_READY)
        ;
    if (!fetched)
        s->wait = SESSION_WAITS_FOR_OUTPUT;
    if (s->eof && s->scan != NULL && ends_with_next_line(s->scan))
        session_stop_scan(s);
}

void dispatch_end(struct session *s)
{
    session_flush_batch(s);
    iobuf_consume(&s->in, s->ended ? iobuf_len(&s->in) : s->used); /* wipes it */
    s->used = 0;
}

/* Deal with one line, or a reply that had to wait.  Not SESSION_READY: nothing more can be done. */
static enum session_wait step(struct run *run)
{
    struct session *s = run->session;

    if (s->ended)
        return SESSION_WAITS_FOR_INPUT;
    if (iobuf_len(&s->out) > OUT_HIGH)
        return SESSION_WAITS_FOR_OUTPUT;
    if (s->fault.status == STATUS_OK)
        return step_line(run);
    if (s->outstanding > 0 || s->first_pending != NULL)
        return SESSION_WAITS_FOR_ANSWERS;
    session_put_problem(s, &s->fault);
    s->fault.status = STATUS_OK;
    return SESSION_READY;
}

/* Return the bytes that were not dealt with yet. */
static struct slice rest_of(struct session *s)
{
    size_t len = iobuf_len(&s->in) - s->used;

    return (struct slice){ len > 0 ? iobuf_front(&s->in) + s->used : NULL, len };
}

/* Refuse a line, with whatever batch it may have been meant for. */
static void refuse(struct session *s, enum verb verb, const struct problem *p)
{
    if (!cmd_fleet_spoil(s, verb, p))
        session_refuse(s, p->status, p->message);
}

static void refuse_frame(struct session *s, enum framing_event event, enum verb verb)
{
    struct problem p;

    if (event == FRAMING_OVERLONG)
        problem_set(&p, STATUS_TOO_LONG,
                    "a line has at most 8192 bytes; the rest of this one is skipped");
    else
        problem_set(&p, STATUS_SYNTAX, "the last line has no line end; it was not carried out");
    refuse(s, verb, &p);
}

static enum session_wait step_line(struct run *run)
{
    struct session *s = run->session;
    struct frame frame;
    enum framing_event event = framing_next(&s->framing, rest_of(s), s->eof, &frame);

    if (event <= FRAMING_SKIPPED) {
        s->used += frame.size;
        return event == FRAMING_SKIPPED ? SESSION_READY : SESSION_WAITS_FOR_INPUT;
    }
    struct request_line line = request_look((char *)frame.line.at, frame.line.len);
    line.ignorable = line.ignorable && event != FRAMING_OVERLONG; /* that is answered */
    enum session_wait wait = may_begin(run, &line);
    if (wait != SESSION_READY)
        return wait;
    s->used += frame.size;
    framing_take(&s->framing, event);
    spend(run, line.verb == VERB_VERIFY || line.ignorable ? WORK_VERIFY : WORK_OTHER);
    if (event == FRAMING_OVERLONG || (event == FRAMING_UNENDED && !line.ignorable))
        refuse_frame(s, event, line.verb);
    else if (!line.ignorable)
        begin(run, &line);
    return SESSION_READY;
}

/* True if a verb is about the tokens of the session's user. */
static bool is_about_user(enum verb verb)
{
    return verb != VERB_COUNT && request_grants(ROLE_SELF, verb) &&
           (commands[verb].order == ORDER_CHANGE || commands[verb].handler == cmd_scan);
}

/* Return what the line must wait for; SESSION_READY: nothing. */
static enum session_wait may_begin(const struct run *run, const struct request_line *line)
{
    struct session *s = run->session;

    if (run->over)
        return s->changes.first != NULL ? SESSION_WAITS_FOR_OTHERS : SESSION_WAITS_FOR_TURN;
    if (line->ignorable)
        return SESSION_READY;
    if (s->scan != NULL) {
        if (ends_with_next_line(s->scan))
            session_stop_scan(s);
        else if (cmd_fleet_goes_on(s, line->verb))
            return SESSION_READY;
        return SESSION_WAITS_FOR_ANSWERS;
    }
    if (s->role == ROLE_SELF && is_about_user(line->verb) && !self_user_is_known(s))
        return SESSION_WAITS_FOR_ANSWERS;
    enum order order = commands[line->verb].order;
    if (s->first_pending != NULL)
        return order == ORDER_BATCHED && s->pending < PENDING_VERIFY_MAX && s->waiting == 0 ?
                   SESSION_READY :
                   SESSION_WAITS_FOR_ANSWERS;
    if (order == ORDER_CHANGE)
        return may_change(run);
    if (s->outstanding > 0)
        return SESSION_WAITS_FOR_ANSWERS;
    if (order == ORDER_SENT && (iobuf_len(&s->out) > 0 || s->worker->batch.count > 0))
        return SESSION_WAITS_FOR_OUTPUT;
    return SESSION_READY;
}

/* Return what a change must wait for.  Nobody overtakes a session that waits for a slot, except a
 * session that was granted its turn. */
static enum session_wait may_change(const struct run *run)
{
    const struct session *s = run->session;
    const struct change_class *class = session_class(s);
    unsigned max = s->role == ROLE_ADMIN ? CHANGES_MAX : CHANGES_MAX_VERIFY;

    if (class->outstanding >= class->max || (!TAILQ_EMPTY(&class->waiting) && !run->granted))
        return SESSION_WAITS_FOR_SLOT;
    if (run->changes == CHANGES_A_RUN)
        return SESSION_WAITS_FOR_OTHERS;
    return s->outstanding < max ? SESSION_READY : SESSION_WAITS_FOR_ANSWERS;
}

static void begin(struct run *run, const struct request_line *line)
{
    struct session *s = run->session;
    struct request request;
    struct problem problem;

    worker_count(&s->worker->counters.requests);
    if (request_parse(line, s->role, &request, &problem) != STATUS_OK)
        refuse(s, line->verb, &problem);
    else if (commands[request.verb].order == ORDER_BATCHED || session_flush_batch(s))
        commands[request.verb].handler(run, &request);
}

static void spend(struct run *run, unsigned work)
{
    struct turn *turn = &run->session->worker->turn;

    turn_spend(turn, work);
    run->over = turn_run_is_over(turn);
}
