/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of fleet_up.h share: fleet_up.c takes changes, fleet_up_denial.c keeps denials,
 * fleet_up_settle.c ends what was answered, fleet_up_step.c keeps deadlines. */
#ifndef JETON_DAEMON_WRITER_FLEET_UP_PRIVATE_H
#define JETON_DAEMON_WRITER_FLEET_UP_PRIVATE_H

#include "daemon/base/clock.h"
#include "daemon/writer/fleet_up_state.h"
#include "daemon/writer/writer_state.h"

enum { FLEET_UP_TOGETHER = 256 }; /* answers that are settled with one commit, at most */

#define FLEET_UP_SETTLE_WITHIN UINT64_C(2000000) /* nanoseconds, while more may come */

/* Have a problem answered, or the outcome that is set: the change goes to the next batch, to be journalled. */
void fleet_up_settle(struct writer *w, struct change *c);
enum status fleet_up_refuse(struct change *c, enum status status, const char *why);

/* Stage an entry, merged with what the cache has; it is published when it is committed.  0 or -errno. */
int fleet_up_apply(struct writer *w, const struct fleet_entry *entry);

/* Count the token that a change asks for as one of its subject while it is held: more may be asked for before the
 * answer is here. */
void fleet_up_count(struct writer *w, struct change *c, bool held);

/* Note that something is due then. */
static inline void fleet_up_note_due(struct fleet_up *u, uint64_t due)
{
    u->next_due = due < u->next_due ? due : u->next_due;
}

/* Queue a request about a token that is as in `after`, for which a change waits (NULL: none does).  NULL: no
 * memory. */
struct fleet_up_request *fleet_up_ask(struct fleet_up *u, enum fleet_up_event event, uid_t by,
                                      const struct record *after, const uint8_t *about,
                                      struct change *waiter);

/* Let a token end no later than this, for good. */
void fleet_up_end_record(struct record *r, int64_t end);

/* Let a denial, or the end of a rotated token, be in force on this host, and keep it as unsent: both are staged. */
void fleet_up_stage_denial(struct writer *w, struct fleet_up_request *r, int64_t now);

/* Have the journal tell who has denied the token of a change, as soon as that is saved; what the change itself has there
 * tells that the database has it. */
void fleet_up_enter(struct fleet_up *u, const struct change *c);

/* Have the journal tell that the database has what nobody waits for any more, and where. */
void fleet_up_enter_done(struct writer *w, const struct fleet_up_request *r);

/* Commit what is staged. */
void fleet_up_commit(struct writer *w);

/* Try again to save what the disk refused to. */
void fleet_up_save_again(struct writer *w, int64_t now);

/* Stage that a denial need not be sent any more. */
void fleet_up_unstage(struct writer *w, struct fleet_up_request *r);

/* Settle what was answered with `done`, unless more may come that can be settled with it; or (`all`) whatever may. */
void fleet_up_settle_done(struct writer *w, int64_t now, bool all);

/* Answer a change whose request is not answered: what is known of it. */
void fleet_up_give_up(struct writer *w, const struct fleet_up_request *r, struct change *c);

/* Say of a denial that it is not confirmed, and why, and whether it is saved. */
void fleet_up_explain_denial(const struct fleet_up_request *r, struct change *c, const char *why);

/* Take a request out of all, and free it. */
void fleet_up_drop(struct fleet_up *u, struct fleet_up_request *r);

#endif
