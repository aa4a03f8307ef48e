/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/scheduler.h"

enum {
    MAIL_PER_TURN = 32,   /* then others are served */
    GRANTS_PER_TURN = 32, /* of each class: who is granted a slot need not take it */
    RUNS_PER_TURN = 256   /* begun: their replies are sent when the time of the turn is over */
};

void scheduler_init(struct worker *worker)
{
    TAILQ_INIT(&worker->scheduled);
    TAILQ_INIT(&worker->yielded);
    TAILQ_INIT(&worker->due);
    for (int i = 0; i < CLASSES; i++)
        TAILQ_INIT(&worker->class[i].waiting);
}

/* -- the lists of turns ---------------------------------------------------------------------- */

static void schedule(struct session *s, enum session_state state)
{
    s->state = state;
    TAILQ_INSERT_TAIL(&s->worker->scheduled, s, turn);
}

void scheduler_schedule(struct session *s)
{
    if (s->state == SESSION_IDLE)
        schedule(s, SESSION_SCHEDULED);
}

void scheduler_batch(struct session *s)
{
    schedule(s, SESSION_BATCHED);
}

static void yield(struct session *s)
{
    s->state = SESSION_YIELDED;
    TAILQ_INSERT_TAIL(&s->worker->yielded, s, turn);
    mailbox_wake(&s->worker->mailbox);
}

static void enter_due(struct session *s)
{
    struct uid_share *share = s->share;

    if (TAILQ_EMPTY(&share->due))
        TAILQ_INSERT_TAIL(&s->worker->due, share, ring);
    s->state = SESSION_DUE;
    TAILQ_INSERT_TAIL(&share->due, s, turn);
}

static void leave_due(struct session *s)
{
    struct uid_share *share = s->share;

    TAILQ_REMOVE(&share->due, s, turn);
    if (TAILQ_EMPTY(&share->due))
        TAILQ_REMOVE(&s->worker->due, share, ring);
    s->readable = false;
}

void scheduler_queue(struct session *s, bool readable)
{
    enter_due(s);
    s->readable = readable;
}

static void leave_list(struct session *s)
{
    if (s->state == SESSION_DUE)
        leave_due(s);
    else if (s->state == SESSION_SCHEDULED || s->state == SESSION_BATCHED)
        TAILQ_REMOVE(&s->worker->scheduled, s, turn);
    else if (s->state == SESSION_YIELDED)
        TAILQ_REMOVE(&s->worker->yielded, s, turn);
}

bool scheduler_begin(struct session *s)
{
    bool batched = s->state == SESSION_BATCHED;

    leave_list(s);
    if (s->state != SESSION_GRANTED)
        s->state = SESSION_IDLE;
    return !batched;
}

void scheduler_end_run(struct session *s)
{
    s->state = SESSION_IDLE;
}

void scheduler_unbatch(struct session *s)
{
    s->state = SESSION_SCHEDULED;
}

/* -- the queues for slots -------------------------------------------------------------------- */

static void enter_queue(struct session *s)
{
    int number = session_class_number(s);
    struct uid_share *share = s->share;

    if (s->slot.tqe_prev != NULL)
        return;
    if (TAILQ_EMPTY(&share->wait[number].sessions))
        TAILQ_INSERT_TAIL(&session_class(s)->waiting, share, wait[number].ring);
    TAILQ_INSERT_TAIL(&share->wait[number].sessions, s, slot);
}

static void leave_queue(struct session *s)
{
    int number = session_class_number(s);
    struct uid_share *share = s->share;

    if (s->slot.tqe_prev == NULL)
        return;
    TAILQ_REMOVE(&share->wait[number].sessions, s, slot);
    s->slot.tqe_prev = NULL;
    if (TAILQ_EMPTY(&share->wait[number].sessions))
        TAILQ_REMOVE(&session_class(s)->waiting, share, wait[number].ring);
}

/* Take the session that has the next slot out of the queue; NULL: none waits, or there is no slot. */
static struct session *next_in_queue(struct worker *worker, int number)
{
    struct change_class *class = &worker->class[number];
    struct uid_share *share = TAILQ_FIRST(&class->waiting);

    if (share == NULL || class->outstanding >= class->max)
        return NULL;
    TAILQ_REMOVE(&class->waiting, share, wait[number].ring);
    TAILQ_INSERT_TAIL(&class->waiting, share, wait[number].ring);
    struct session *s = TAILQ_FIRST(&share->wait[number].sessions);
    leave_queue(s);
    return s;
}

/* Run sessions that wait, one of each uid in turn, as long as there are slots. */
static void grant_slots(struct worker *worker, int number)
{
    struct change_class *class = &worker->class[number];
    struct session *s;

    for (int i = 0; i < GRANTS_PER_TURN && (s = next_in_queue(worker, number)) != NULL; i++) {
        leave_list(s);
        s->state = SESSION_GRANTED;
        s->on_turn(s);
    }
    if (class->outstanding < class->max && !TAILQ_EMPTY(&class->waiting))
        mailbox_wake(&worker->mailbox);
}

/* -- turns ----------------------------------------------------------------------------------- */

void scheduler_park(struct session *s)
{
    if (s->wait == SESSION_WAITS_FOR_SLOT)
        enter_queue(s);
    else if (s->wait == SESSION_WAITS_FOR_OTHERS || s->wait == SESSION_WAITS_FOR_TURN)
        yield(s);
}

void scheduler_close(struct session *s)
{
    leave_list(s);
    leave_queue(s);
    s->state = SESSION_CLOSED;
}

/* Run the scheduled sessions.  Each leaves the list by itself when it runs, and may be freed. */
static void run_scheduled(struct worker *worker)
{
    for (struct session *s; (s = TAILQ_FIRST(&worker->scheduled)) != NULL;)
        s->on_turn(s);
}

/* Run sessions that are due, one of each uid in turn.  Each leaves its list by itself when it runs,
 * and may be freed, and its share with it. */
static void run_due(struct worker *worker)
{
    struct uid_share *share;

    for (int i = 0; i < RUNS_PER_TURN && !turn_is_over(&worker->turn); i++) {
        share = TAILQ_FIRST(&worker->due);
        if (share == NULL)
            return;
        TAILQ_REMOVE(&worker->due, share, ring);
        TAILQ_INSERT_TAIL(&worker->due, share, ring);
        struct session *s = TAILQ_FIRST(&share->due);
        s->on_turn(s);
    }
}

/* Make the sessions due that have yielded: each runs once, as those that yield again come after. */
static void take_yielded(struct worker *worker)
{
    for (struct session *s; (s = TAILQ_FIRST(&worker->yielded)) != NULL;) {
        leave_list(s);
        enter_due(s);
    }
}

static void answer(struct worker *worker)
{
    session_answer_batch(worker);
    run_scheduled(worker);
}

void scheduler_end_turn(struct worker *worker)
{
    answer(worker);
    run_due(worker);
    answer(worker);
    for (int i = 0; i < CLASSES; i++)
        grant_slots(worker, i);
    turn_begin(&worker->turn);
    if (!scheduler_is_free(worker))
        mailbox_wake(&worker->mailbox);
}

/* True if other events are to be dealt with in this turn: who becomes due by them should not wait
 * for the turn of those that were left over from the last. */
static bool others_are_active(const struct worker *worker)
{
    return event_base_get_num_events(worker->base, EVENT_BASE_COUNT_ACTIVE) > 0;
}

bool scheduler_deliver_mail(struct worker *worker)
{
    bool all = mailbox_deliver(&worker->mailbox, MAIL_PER_TURN);

    if (!all)
        return false;
    take_yielded(worker);
    if (scheduler_is_free(worker) || !others_are_active(worker)) {
        scheduler_end_turn(worker);
    } else {
        answer(worker);
        event_active(worker->on_turn, 0, 0);
    }
    return true;
}
