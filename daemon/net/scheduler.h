/* SPDX-License-Identifier: Apache-2.0 */
/* Decide which of a worker's sessions run, and when: what arrives for several sessions in one turn
 * of the event loop is answered together, and nobody has a second turn before others had one.
 *
 * Uids take turns: of those that have sessions which are due, one session of each begins its run,
 * then one more of each, until the time of the turn is over (session/turn.h); the next turn goes on
 * with the uid after the last.  So a uid's thousand connections hold up another uid's only one no
 * more than a single connection does.
 *
 *              input; or it takes output, others are served as well
 *            ┌────────────────────────────▶ DUE ──▶ BATCHED ─────────┐
 *            │                               ▲         │ mail        │ the turn ends
 *            │   mail                        │         ▼             │
 *          IDLE ─────────────────────────────┼▶ SCHEDULED ───────────┤ run
 *           ▲ │  it made many changes, or    │ mail was read         │
 *           │ │  took its time, and has more │                       │
 *           │ ├──────────────────────────▶ YIELDED                   │
 *           │ │  it waits for a slot, and it is its turn       │
 *           │ └──────────────────────────▶ GRANTED ──────────────────┤
 *           └────────────────────────────────────────────────────────┘
 *
 * Slots are granted to uids in turn, and of each uid to the session that waited longest.
 *
 * A session may also run at once: idle, when input arrives or its socket takes output again and no
 * other is served; in any state, when a chunk arrives, or a verifier is late.  Any state becomes
 * CLOSED, which remains.
 *
 * What a run found that the session waits for (`wait`) decides what follows: FOR_OTHERS or
 * FOR_TURN, it yields; FOR_SLOT, it enters its uid's queue of its class, and keeps its place there
 * while it is scheduled for something else; otherwise it is idle until something arrives.  The worker's
 * thread. */
#ifndef JETON_DAEMON_NET_SCHEDULER_H
#define JETON_DAEMON_NET_SCHEDULER_H

#include "daemon/session/session.h"

void scheduler_init(struct worker *worker);

/* Run the session at the end of this turn, once, however often it is scheduled. */
void scheduler_schedule(struct session *s);

/* Run an idle session when its uid has its turn.  `readable`: its socket has input; it stays so
 * until the session runs. */
void scheduler_queue(struct session *s, bool readable);

/* True if no session is due. */
static inline bool scheduler_is_free(const struct worker *worker)
{
    return TAILQ_EMPTY(&worker->due);
}

/* True if nobody else is to be served in this turn. */
static inline bool scheduler_is_alone(const struct worker *worker)
{
    return scheduler_is_free(worker) &&
           event_base_get_num_events(worker->base, EVENT_BASE_COUNT_ACTIVE) == 0;
}

/* Schedule an idle session whose run is begun: end that run at the end of this turn. */
void scheduler_batch(struct session *s);

/* Take a session out of its list, to run now; it stays in the queue for a slot.  False: its run was
 * begun in this turn, and is only to be ended. */
bool scheduler_begin(struct session *s);

/* Note that the session's run was ended. */
void scheduler_end_run(struct session *s);

/* Note that the run of a batched session was ended early: it runs again at the end of this turn. */
void scheduler_unbatch(struct session *s);

/* Queue a session that ran for a slot, or let it yield, as its `wait` demands. */
void scheduler_park(struct session *s);

/* Take the session out of every list, for good. */
void scheduler_close(struct session *s);

/* Deliver the worker's mail; when all is delivered end the turn, in which those that yielded before
 * are due.  False: there is more; the worker is woken again for it, after others were served. */
bool scheduler_deliver_mail(struct worker *worker);

/* Answer what arrived in this turn: run the sessions that are scheduled, those that are due as long
 * as there is time, and some of those that waited for slots which are free now.  The worker is woken
 * again for those that are still due. */
void scheduler_end_turn(struct worker *worker);

#endif
