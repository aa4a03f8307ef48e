/* SPDX-License-Identifier: Apache-2.0 */
/* Decide which of a worker's sessions run, and when: what arrives for several sessions in one turn
 * of the event loop is answered together, and nobody has a second turn before others had one.
 *
 *              input, others are served as well         the turn ends
 *            ┌────────────────────────────▶ BATCHED ─────────────────┐
 *            │                                 │ mail                │
 *            │   mail                          ▼                     │
 *          IDLE ───────────────────────▶ SCHEDULED ──────────────────┤ run
 *           ▲ │  it made many changes, and has more   mail was read  │
 *           │ ├──────────────────────────▶ YIELDED ──────────────────┤
 *           │ │  it waited longest for a slot, and one is free       │
 *           │ └──────────────────────────▶ GRANTED ──────────────────┤
 *           └────────────────────────────────────────────────────────┘
 *
 * A session may also run at once: idle, when input arrives and no other is served; in any state,
 * when its socket takes output again, a chunk arrives, or a verifier is late.  Any state becomes
 * CLOSED, which remains.
 *
 * What a run found that the session waits for (`wait`) decides what follows: FOR_OTHERS, it yields;
 * FOR_SLOT, it enters the queue of its class, and keeps its place there while it is scheduled for
 * something else; otherwise it is idle until something arrives.  The worker's thread. */
#ifndef JETON_DAEMON_NET_SCHEDULER_H
#define JETON_DAEMON_NET_SCHEDULER_H

#include "daemon/session/session.h"

void scheduler_init(struct worker *worker);

/* Run the session at the end of this turn, once, however often it is scheduled. */
void scheduler_schedule(struct session *s);

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

/* Deliver the worker's mail; when all is delivered end the turn, and then run those that yielded
 * before.  False: there is more; the worker is woken again for it, after others were served. */
bool scheduler_deliver_mail(struct worker *worker);

/* Answer what arrived in this turn: run the sessions that are scheduled, and those that waited for
 * a slot which is free now. */
void scheduler_end_turn(struct worker *worker);

#endif
