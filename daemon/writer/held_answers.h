/* SPDX-License-Identifier: Apache-2.0 */
/* Hold back the answers of changes that deny, while clients may still believe the table of a daemon
 * that was killed.  The writer's thread only.
 *
 * The changes themselves are saved and in force in our own table at once.  Only their answers wait,
 * and with them those of later changes of the same session, whose order is kept. */
#ifndef JETON_DAEMON_WRITER_HELD_ANSWERS_H
#define JETON_DAEMON_WRITER_HELD_ANSWERS_H

#include "daemon/writer/change.h"

enum { HELD_ANSWERS_BUCKETS = 256 };

/* All zeros: nothing is held back. */
struct held_answers {
    uint64_t until; /* clock_monotonic(); 0: nothing is held back any more */
    size_t count;
    struct mail_list bucket[HELD_ANSWERS_BUCKETS]; /* by the session */
};

/* Hold answers back until this time. */
void held_answers_begin(struct held_answers *h, uint64_t until);

/* Answer the changes, or hold them back; the list is empty then. */
void held_answers_publish(struct held_answers *h, struct mail_list *changes);

/* Answer all that are held back; go on holding back until the time. */
void held_answers_release(struct held_answers *h);

/* True while answers are to be held back, whether or not there are any. */
bool held_answers_is_holding(const struct held_answers *h);

/* True if there are answers whose time has come. */
bool held_answers_is_due(const struct held_answers *h);

/* Return for how many milliseconds nothing will be due. */
int held_answers_wait(const struct held_answers *h);

#endif
