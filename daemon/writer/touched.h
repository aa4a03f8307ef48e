/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens were changed while changes of many tokens collect what they are about.  The writer's
 * thread only. */
#ifndef JETON_DAEMON_WRITER_TOUCHED_H
#define JETON_DAEMON_WRITER_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

/* All zeros: nobody wants to know. */
struct touched {
    unsigned users;
    bool lost; /* not all were noted */
    size_t count;
    size_t capacity;
    uint8_t (*id)[ID_SIZE];
};

/* Begin to note; return where the list begins for this user.  Each is ended; with the last one the list
 * is emptied. */
size_t touched_begin(struct touched *t);
void touched_end(struct touched *t);

/* Note a token, if anybody wants to know. */
void touched_note(struct touched *t, const uint8_t id[ID_SIZE]);

void touched_free(struct touched *t);

#endif
