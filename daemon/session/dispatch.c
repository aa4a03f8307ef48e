/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/dispatch.h"

#include <unistd.h>

#include "daemon/writer/change_request.h"
#include "daemon/session/cmd_info.h"
#include "daemon/base/clock.h"
#include "daemon/session/pending_verify.h"
#include "daemon/session/cmd_table.h"
#include "proto/reply.h"

enum {
    OUT_HIGH = 32 * 1024,    /* more than this unsent: begin nothing new */
    OUT_LOW = SESSION_ROOM,  /* less than this unsent: fetch the scan's next chunk */
    CHANGES_A_RUN = 16,      /* then others have their turn: to make a value takes time */
    CHANGES_MAX = 1024,      /* on their way, of one admin session */
    CHANGES_MAX_VERIFY = 16, /* ... of one that may only revoke what it holds */
};

/* The requests of one run. */
struct run {
    struct session *session;
    unsigned changes; /* that were begun */
    const struct stacks *stacks;
};

enum line_end { LINE_NONE, LINE_ENDED, LINE_UNENDED, LINE_OVERLONG };

static bool step(struct run *run);
static bool skip_overlong(struct run *run);
static enum line_end next_line(const struct run *run, struct slice *line, size_t *whole);
static bool may_begin(struct run *run, const struct request_line *line);
static void take_line(struct run *run, const struct request_line *line);
static void refuse(struct run *run, enum status status, const char *message);
static bool judge_pending(struct session *s);

typedef void handler(struct run *run, const struct request *r);
static handler do_verify, do_answer, do_quit, do_change, do_scan, do_table;

static handler *const handlers[VERB_COUNT] = {
    [VERB_VERIFY] = do_verify, [VERB_ID] = do_answer,     [VERB_HELLO] = do_answer,
    [VERB_HELP] = do_answer,   [VERB_PING] = do_answer,   [VERB_STATS] = do_answer,
    [VERB_USED] = do_answer,   [VERB_QUIT] = do_quit,     [VERB_TABLE] = do_table,
    [VERB_LIST] = do_scan,     [VERB_SHOW] = do_scan,     [VERB_EXPORT] = do_scan,
    [VERB_JOURNAL] = do_scan,  [VERB_WATCH] = do_scan,    [VERB_REVOKE] = do_change,
    [VERB_CREATE] = do_change, [VERB_UPDATE] = do_change, [VERB_DISABLE] = do_change,
    [VERB_ENABLE] = do_change, [VERB_ROTATE] = do_change, [VERB_DELETE] = do_change,
    [VERB_IMPORT] = do_change,
};

/* -- input ----------------------------------------------------------------------------------- */

/* Sends the scan for its next chunk, once the client has taken in most of the last one. */
static void fetch_chunk(struct session *s)
{
    if (!s->scan_is_here)
        return;
    s->waits_for_output = iobuf_len(&s->out) > OUT_LOW;
    if (s->waits_for_output)
        return;
    s->scan_is_here = false;
    writer_thread_scan(s->worker->server->writer_thread, s->scan);
}

/* While questions wait for their answers, the stacks that they are put to stay. */
static const struct stacks *stacks_of(struct worker *worker)
{
    if (worker->judge.count > 0)
        return stack_set_used(worker->stack_reader);
    return stack_set_enter(worker->stack_reader);
}

void dispatch_run(struct session *s)
{
    struct run run = { .session = s, .stacks = stacks_of(s->worker) };

    s->waits_for_output = s->starved = s->half_a_line = s->ended_a_line = s->rests = false;
    fetch_chunk(s);
    while (step(&run))
        ;
    s->has_turn = false;
    if (s->eof && s->scan != NULL && s->scan->verb == VERB_WATCH)
        session_stop_scan(s);
}

/* What came before is wiped. */
void dispatch_end(struct session *s)
{
    judge_pending(s);
    iobuf_consume(&s->in, s->ended ? iobuf_len(&s->in) : s->used);
    s->used = 0;
}

void dispatch_answer(struct worker *worker)
{
    if (worker->judge.count > 0)
        verify_batch_answer(&worker->judge, worker->server->token_table, worker->reader,
                            clock_wall());
}

/* Deals with one line; false when nothing more can be done now. */
static bool step(struct run *run)
{
    struct session *s = run->session;
    struct slice bytes;
    size_t whole;

    if (s->ended)
        return false;
    if (iobuf_len(&s->out) > OUT_HIGH) {
        s->waits_for_output = true;
        return false;
    }
    if (s->has_fault) {
        if (s->outstanding > 0 || s->first_pending != NULL)
            return false;
        s->has_fault = false;
        session_put_problem(s, &s->fault);
        return true;
    }
    if (s->discarding)
        return skip_overlong(run);
    enum line_end end = next_line(run, &bytes, &whole);
    if (end == LINE_NONE)
        return false;
    const struct request_line line = request_look((char *)bytes.at, bytes.len);
    if (!may_begin(run, &line))
        return false;
    s->used += whole;
    s->ended_a_line = s->ended_a_line || end == LINE_ENDED;
    s->discarding = end == LINE_OVERLONG;
    if (end == LINE_OVERLONG)
        refuse(run, STATUS_TOO_LONG,
               "a line has at most 8192 bytes; the rest of this one is skipped");
    else if (!line.ignorable && end == LINE_UNENDED)
        refuse(run, STATUS_SYNTAX, "the last line has no line end; it was not carried out");
    else if (!line.ignorable)
        take_line(run, &line);
    return true;
}

/* The bytes that nothing was done with yet. */
static struct slice rest_of(struct session *s)
{
    size_t len = iobuf_len(&s->in) - s->used;

    return (struct slice){ len > 0 ? iobuf_front(&s->in) + s->used : NULL, len };
}

static bool skip_overlong(struct run *run)
{
    struct session *s = run->session;
    struct slice rest = rest_of(s);
    const char *lf = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;

    s->used += lf != NULL ? (size_t)(lf - rest.at) + 1 : rest.len;
    s->discarding = lf == NULL;
    s->half_a_line = lf == NULL;
    return lf != NULL;
}

/* The next line without its end, and how many bytes it takes with it. */
static enum line_end next_line(const struct run *run, struct slice *line, size_t *whole)
{
    struct session *s = run->session;
    struct slice rest = rest_of(s);
    size_t look = rest.len < LINE_MAX_BYTES ? rest.len : LINE_MAX_BYTES;
    const char *lf = look > 0 ? memchr(rest.at, '\n', look) : NULL;

    *line = (struct slice){ rest.at, look };
    *whole = look;
    if (lf != NULL) {
        line->len = (size_t)(lf - rest.at);
        *whole = line->len + 1;
        if (line->len > 0 && rest.at[line->len - 1] == '\r')
            line->len--;
        return LINE_ENDED;
    }
    if (rest.len >= LINE_MAX_BYTES)
        return LINE_OVERLONG;
    s->half_a_line = rest.len > 0;
    return s->eof && rest.len > 0 ? LINE_UNENDED : LINE_NONE;
}

static bool is_change(enum verb verb)
{
    return verb < VERB_COUNT && handlers[verb] == do_change;
}

/* True if there is nothing this line must wait for. */
static bool may_begin(struct run *run, const struct request_line *line)
{
    struct session *s = run->session;
    unsigned most = s->role == ROLE_ADMIN ? CHANGES_MAX : CHANGES_MAX_VERIFY;

    if (line->ignorable)
        return true;
    if (s->scan != NULL) {
        if (s->scan->verb == VERB_WATCH)
            session_stop_scan(s);
        return false;
    }
    enum verb verb = line->verb;
    if (s->first_pending != NULL)
        return verb == VERB_VERIFY && s->pending < PENDING_VERIFY_MAX;
    if (is_change(verb)) {
        s->rests = run->changes == CHANGES_A_RUN;
        const struct change_class *class = session_class(s);
        s->starved = class->outstanding >= class->most ||
                     (class->first_waiting != NULL && !s->has_turn);
        return s->outstanding < most && !s->starved && !s->rests;
    }
    if (s->outstanding > 0)
        return false;
    if (verb == VERB_TABLE && (iobuf_len(&s->out) > 0 || s->worker->judge.count > 0)) {
        s->waits_for_output = true;
        return false;
    }
    return true;
}

static void take_line(struct run *run, const struct request_line *line)
{
    struct session *s = run->session;
    struct request request;
    struct problem problem;

    worker_count(&s->worker->counters.requests);
    if (request_parse(line, s->role, &request, &problem) != STATUS_OK)
        refuse(run, problem.status, problem.message);
    else if (handlers[request.verb] == do_verify || judge_pending(run->session))
        handlers[request.verb](run, &request);
}

/* The reply to a request that goes no further; it waits for the changes before it. */
static void refuse(struct run *run, enum status status, const char *message)
{
    if (!judge_pending(run->session))
        return;
    problem_set(&run->session->fault, status, "%s", message);
    run->session->has_fault = true;
}

/* Answers the verifications that came before what is next.  False: no memory; it is ended. */
static bool judge_pending(struct session *s)
{
    dispatch_answer(s->worker);
    s->ended = s->ended || s->out.cut;
    return !s->out.cut;
}

/* -- verbs ----------------------------------------------------------------------------------- */

static struct slice service_of(const struct request *r)
{
    return request_has(r, KEY_SERVICE) ? r->value[KEY_SERVICE] : (struct slice){ NULL, 0 };
}

static void do_verify(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct verify_batch *judge = &s->worker->judge;
    struct problem problem;
    struct question q;

    if (verify_batch_read(r, &q, &problem) != STATUS_OK) {
        refuse(run, problem.status, problem.message);
        return;
    }
    const struct stack *stack = stacks_find(run->stacks, service_of(r));
    if (stack->table_only && s->first_pending == NULL) {
        verify_batch_add(judge, &q, &stack->series, &s->out);
        if (!verify_batch_has_room(judge))
            judge_pending(run->session);
    } else if (judge_pending(run->session)) {
        pending_verify_begin(s, stack, &q, service_of(r), clock_wall());
    }
}

static void do_answer(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct asker asker = { .server = s->worker->server, .role = s->role };
    struct text t;

    if (r->verb == VERB_USED)
        asker.may_have_table = cmd_table_allowed(s);
    if (!session_begin_reply(s, answer_room(s->worker->server, r->verb), &t))
        return;
    answer_request(&asker, r, &t);
    iobuf_commit(&s->out, t.len);
}

static void do_quit(struct run *run, const struct request *r)
{
    do_answer(run, r);
    run->session->ended = true;
}

static void do_table(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct problem problem;

    if (cmd_table_send(s, stacks_find(run->stacks, service_of(r)), &problem) != STATUS_OK)
        refuse(run, problem.status, problem.message);
}

static void do_scan(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct problem problem;
    struct scan *scan = scan_new(r, &problem);

    if (scan == NULL) {
        refuse(run, problem.status, problem.message);
        return;
    }
    scan->reply_to = &s->worker->box;
    scan->sender = s;
    scan->mail.on_delivery = s->scan_arrives;
    s->scan = scan;
    s->scan_is_here = false;
    writer_thread_scan(s->worker->server->writer_thread, scan);
}

/* True for a denial of what is not here: who is no administrator does not trouble the disk with it. */
static bool denies_nothing(const struct session *s, const struct change *c)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;

    if (c->kind->deny == 0)
        return false;
    if (token_table_look(s->worker->server->token_table, c->id, digest, &used) == 0)
        return s->role != ROLE_ADMIN;
    /* A value is more than the identifier it begins with. */
    return (c->given & KEY_BIT(KEY_TOKEN)) && memcmp(digest, c->want.digest, DIGEST_SIZE) != 0;
}

static void do_change(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct server *server = s->worker->server;
    const struct change_request_context context = {
        .uid = s->peer.uid,
        .pid = s->peer.pid,
        .prefix = server->settings.prefix,
        .activation_delay = atomic_load(&server->settings.activation_delay),
    };
    struct problem problem;
    struct change *c = change_request_read(r, &context, &problem);

    if (c == NULL) {
        refuse(run, problem.status, problem.message);
        return;
    }
    if (denies_nothing(s, c)) {
        change_free(c);
        refuse(run, STATUS_UNKNOWN, status_row(STATUS_UNKNOWN)->meaning);
        return;
    }
    c->reply_to = &s->worker->box;
    c->sender = s;
    c->mail.on_delivery = s->change_arrives;
    s->outstanding++;
    session_class(s)->outstanding++;
    run->changes++;
    mail_append(&s->changes, &c->mail);
}
